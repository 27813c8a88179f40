import { describe, expect, test } from 'vitest'
import type { Row } from '../../src/model/row.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { scoreAndList, World } from './world.js'

const GOOD: Row = { id: 'c-1', email: 'ann@example.com', score: 0.9 }
const ODD = {
  'half a letter': 'x\ud800',
  'nine thousand letters': 'k'.repeat(9_000),
  'a control character': 'x\u0001y',
}

describe('one bad row does not stop the run:', () => {
  test.each(Object.entries(ODD))('a key of %s', async (_, id) => {
    const world = new World()
    const rows = [GOOD, { id, email: 'bob@example.com', score: 0.9 }]
    const transform = plainTransform(({ email, score }) => [
      { kind: 'profile', identifiers: { email: String(email) }, dataFields: { score: Number(score) } },
      { kind: 'membership', identifiers: { email: String(email) }, list: 'at-risk', member: true },
    ])
    const report = await world.sync(rows, { transform }).run()
    expect(report).toMatchObject({ status: 'complete', rows: { accepted: 2 } })
    expect((await world.sync(rows, { transform }).run()).rows.unchanged).toBe(2)
    expect(world.destination.members('at-risk').size).toBe(2)
  })

  test.each(Object.entries(ODD))('a list named by %s', async (_, list) => {
    const world = new World()
    const transform = plainTransform((row) => [
      ...scoreAndList(row),
      ...(row.id === 'c-2'
        ? [{ kind: 'membership', identifiers: { customer_id: 'c-2' }, list, member: true } as const]
        : []),
    ])
    const rows = [GOOD, { id: 'c-2', email: 'bob@example.com', score: 0.1 }]
    const report = await world.sync(rows, { transform, rejectedShareMax: 1 }).run()
    expect(report).toMatchObject({ status: 'complete', rows: { accepted: 1, rejected: 1 } })
    expect(report.reasons[0]?.reason).toMatchObject({ code: 'ACTION_INVALID' })
  })

  test.each(Object.entries(ODD))('a field named by %s', async (_, field) => {
    const world = new World()
    const transform = plainTransform((row) => [
      {
        kind: 'profile',
        identifiers: { email: String(row.email) },
        dataFields: { [row.id === 'c-2' ? field : 'score']: 1 },
      },
    ])
    const rows = [GOOD, { id: 'c-2', email: 'bob@example.com', score: 0.1 }]
    expect(await world.sync(rows, { transform }).run()).toMatchObject({
      status: 'complete',
      rows: { read: 2, unsettled: 0 },
    })
  })
})

describe('drift', () => {
  test('does not stop for a column that was empty and has values now, or the other way round', async () => {
    const world = new World()
    const rows = (score: number | null): Row[] => [{ id: 'c-1', email: 'ann@example.com', score }]
    for (const score of [null, 0.5, null, 0.7]) {
      expect((await world.sync(rows(score)).run()).status).toBe('complete')
    }
  })

  test('still stops for a column that was text and is a list of nothing', async () => {
    const world = new World()
    await world.sync([{ id: 'c-1', email: 'ann@example.com', score: 'high' }]).run()
    const report = await world.sync([{ id: 'c-1', email: 'ann@example.com', score: [] }]).run()
    expect(report.error?.code).toBe('SCHEMA_BREAKS_TRANSFORM')
  })
})

/** A memory store whose answers take a turn of the loop, so that two syncs come between each other. */
class SlowStore extends MemoryStore {
  override async get(...given: Parameters<MemoryStore['get']>) {
    await new Promise((resolve) => setImmediate(resolve))
    return super.get(...given)
  }
}

test('two syncs that begin at the same moment do not both own a field', async () => {
  const world = new World({ store: new SlowStore() })
  const runs = ['one', 'two'].map((name) => world.sync([GOOD], { name }).run())
  const reports = await Promise.all(runs)
  expect(reports.map(({ status }) => status).sort()).toEqual(['complete', 'stopped'])
  expect(reports.find(({ status }) => status === 'stopped')?.error?.code).toBe('FIELD_OWNED')
})

describe('run({ plan })', () => {
  const people = (count: number): Row[] =>
    Array.from({ length: count }, (_, n) => ({ id: `c-${n}`, email: `p${n}@example.com`, score: 0.5 }))

  test('is not complete when rows of the plan did not come', async () => {
    const world = new World()
    const plan = await world.sync(people(40)).plan()
    const report = await world.sync(people(20)).run({ plan })
    expect(report).toMatchObject({ status: 'stopped', error: { code: 'PLAN_STALE' } })
  })

  test('sends nothing that is not in the plan', async () => {
    const world = new World()
    const plan = await world.sync(people(40)).plan()
    const changed = people(40).map((row) => (row.id === 'c-39' ? { ...row, score: 0.6 } : row))
    expect((await world.sync(changed).run({ plan })).error?.code).toBe('PLAN_STALE')
    const scores = world.destination.applied.flatMap(({ action }) =>
      action.kind === 'profile' ? [action.dataFields?.score] : [],
    )
    expect(scores).not.toContain(0.6)
  })

  test('holds for a request that had to be asked twice, and for one that was split', async () => {
    const world = new World()
    const plan = await world.sync(people(20)).plan()
    const { LakeloopError } = await import('../../src/errors.js')
    world.destination.knob = ({ rows }, nth) => {
      if (nth === 0) return Promise.reject(new LakeloopError('DESTINATION_ANSWER_UNCLEAR'))
      return nth === 1 && rows.length > 1 ? Promise.reject(new LakeloopError('REQUEST_TOO_LARGE', {})) : undefined
    }
    expect(await world.sync(people(20)).run({ plan })).toMatchObject({ status: 'complete', rows: { accepted: 20 } })
  })

  test('is refused when the transform was edited since', async () => {
    const world = new World()
    const plan = await world.sync(people(3)).plan()
    const edited = Object.assign(plainTransform(scoreAndList), {
      prepare: async () => ({ version: 'edited', reads: [], readsAll: false }),
    })
    const report = await world.sync(people(3), { transform: edited as never }).run({ plan })
    expect(report.error?.message).toMatch(/the transform has moved on/)
    expect(world.destination.sent).toEqual([])
  })
})

describe('new Sync()', () => {
  const world = new World()
  test.each([
    ['an option that is misspelt', { settelMs: 0 }, 'settelMs is not an option'],
    ['a bound that is no number', { retry: { attemptsMax: Number.NaN } }, 'retry.attemptsMax'],
    ['a bound that nobody knows', { retry: { attempts: 3 } }, 'attempts is not an option'],
    ['a clock that is none', { clock: {} }, 'clock'],
    ['a source that cannot be described', { source: { name: 's', read: () => [], close: () => {} } }, 'source'],
    [
      'a destination without a project',
      { destination: Object.assign(new RecordingDestination(), { project: '' }) },
      'destination',
    ],
    [
      'a store that cannot scan',
      { store: { supports: {}, get: () => {}, commit: () => {}, close: () => {} } },
      'store',
    ],
    ['a name with half a letter', { name: 'x\ud800' }, 'name'],
  ])('refuses %s', (_, more, named) => {
    expect(() => world.sync([], more as never)).toThrow(named)
  })

  test.each([
    [{ graceMs: 'x' }, 'graceMs'],
    [{ whenHeld: 'foo' }, 'whenHeld'],
    [{ signal: {} }, 'signal'],
    [{ plan: {} }, 'plan'],
    [{ dry: true }, 'dry is not an option'],
  ])('run(%j) is refused as a mistake of the program', async (options, named) => {
    await expect(world.sync([]).run(options as never)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining(named),
    })
  })
})
