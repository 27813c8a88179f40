import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { Outcome } from '../../src/model/outcome.js'
import { type Row, rowBlock, type Schema } from '../../src/model/row.js'
import type { Page, Source } from '../../src/sources/source.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op } from '../../src/stores/store.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { scoreAndList, World } from './world.js'

const person = (n: number, score = 0.9): Row => ({ id: `c-${n}`, email: `p${n}@example.com`, score })
const columns = (...names: string[]): Schema => ({
  columns: names.map((name) => ({ name, type: 'string', nullable: true })),
})

/** Pages as they are given; counts how many were asked for. */
function pagesSource(pages: readonly (readonly Row[])[], schemas: readonly Schema[], more: Partial<Page> = {}) {
  const told = { read: 0 }
  const source: Source = {
    name: 'pages',
    key: ['id'],
    async *read() {
      for (const [at, rows] of pages.entries()) {
        told.read += 1
        const schema = schemas[Math.min(at, schemas.length - 1)] as Schema
        yield { schema, rows: rowBlock(rows, { key: ['id'] }), cursor: { at }, mode: 'changes', ...more }
      }
    },
    describe: async () => schemas[0] as Schema,
    close: async () => undefined,
  }
  return { source, told }
}
const WHOLE = columns('id', 'email', 'score')

test('a column that leaves between two pages stops the run before the second is sent', async () => {
  const world = new World()
  const { source } = pagesSource(
    [[person(1)], [{ id: 'c-2', email: 'p2@example.com' }]],
    [WHOLE, columns('id', 'email')],
  )
  const report = await world.sync([], { source }).run()
  expect(report.error?.code).toBe('SCHEMA_BREAKS_TRANSFORM')
  expect([...world.destination.profiles().keys()]).not.toContain('p2@example.com')
})

test('a rejected row that no claimant can be found for holds all removals of a whole audience back [I5]', async () => {
  const world = new World()
  const transform = plainTransform(scoreAndList)
  const ten = Array.from({ length: 10 }, (_, n) => person(n))
  await world.sync(ten, { transform }).run()
  const refusal: Outcome = { status: 'rejected', reason: { code: 'ROW_REFUSED', facts: { problem: 'x' } } }
  world.destination.knob = ({ rows }) =>
    rows.map(({ address }): Outcome => (address === 'new@example.com' ? refusal : { status: 'accepted' }))
  // c-9 is missing, and the row without a key that was refused might be c-9's.
  const rows = [...ten.slice(0, 9), { email: 'new@example.com', score: 0.9 }]
  const { source } = pagesSource([rows], [WHOLE], { mode: 'snapshot' })
  const report = await world.sync([], { source, transform, rejectedShareMax: 1 }).run()
  expect(report).toMatchObject({ status: 'complete', rows: { rejected: 1 } })
  expect(world.destination.members('at-risk')).toContain('p9@example.com')
})

test('a page that moves an address moves it before it writes to the new one [I6]', async () => {
  const world = new World()
  const row = (email: string, day: number): Row => ({
    id: 'c-1',
    email,
    score: day / 10,
    at: `2026-01-0${day}T00:00:00Z`,
  })
  const run = (rows: Row[]) => {
    const { source } = pagesSource([rows], [columns('id', 'email', 'score', 'at')])
    const dated: Source = {
      ...source,
      async *read(options) {
        for await (const page of source.read(options))
          yield { ...page, rows: rowBlock(rows, { key: ['id'], changedAt: 'at' }) }
      },
    }
    return world.sync([], { source: dated }).run()
  }
  await run([row('old@example.com', 1)])
  world.destination.applied.splice(0)
  expect(await run([row('new@example.com', 2)])).toMatchObject({ retargeted: 1 })
  expect(world.destination.applied.map(({ action }) => action.kind).slice(0, 2)).toEqual(['addressChange', 'profile'])
})

test('a cancelled run asks the source for no further page [I12]', async () => {
  const world = new World()
  const { source, told } = pagesSource(
    Array.from({ length: 50 }, (_, n) => [person(n)]),
    [WHOLE],
  )
  const abort = new AbortController()
  const sync = world.sync([], { source })
  sync.on('page', () => abort.abort())
  expect((await sync.run({ signal: abort.signal, graceMs: 0 })).status).toBe('cancelled')
  expect(told.read).toBeLessThan(5)
})

test('a source is told for which sync and run it reads', async () => {
  const world = new World()
  const { source } = pagesSource([[person(1)]], [WHOLE])
  const tags: unknown[] = []
  const watched: Source = {
    ...source,
    read(options) {
      tags.push(options.tags)
      return source.read(options)
    },
  }
  const { runId } = await world.sync([], { source: watched }).run()
  expect(tags).toEqual([{ lakeloop_sync: 'churn', lakeloop_run: runId }])
})

describe('retries', () => {
  const unclear = () => Promise.reject(new LakeloopError('DESTINATION_ANSWER_UNCLEAR'))

  test('of all requests of a run share one budget, so that an outage does not multiply the traffic [I12]', async () => {
    const world = new World({ destination: new RecordingDestination({ sizeMax: 1, knob: unclear }) })
    const rows = Array.from({ length: 200 }, (_, n) => person(n))
    const report = await world.sync(rows, { retry: { attemptsMax: 100, waitMaxMs: 100 }, concurrency: 8 }).run()
    expect(report).toMatchObject({ status: 'failed', error: { code: 'RETRIES_SPENT' } })
    // 500 tokens at 5 a retry, and the first attempt of each request under way.
    expect(world.destination.sent.length).toBeLessThanOrEqual(100 + 200)
    expect(world.destination.sent.length).toBeGreaterThanOrEqual(100)
  })

  test('wait at most a minute, whatever the destination asks for [I12]', async () => {
    const world = new World()
    const slept: number[] = []
    world.clock.sleep = async (ms) => {
      slept.push(ms)
    }
    world.destination.knob = (_, nth) =>
      nth === 0 ? Promise.reject(new LakeloopError('DESTINATION_THROTTLED', { afterMs: 3_600_000 })) : undefined
    expect((await world.sync([person(1)]).run()).status).toBe('complete')
    expect(Math.max(...slept)).toBe(60_000)
  })
})

test('a run whose report cannot be kept is not called complete', async () => {
  class Forgetful extends MemoryStore {
    override async commit(ops: readonly Op[]) {
      const isLast = (op: Op) =>
        op.op === 'put' && op.table === 'run' && (op.value as { status?: string }).status === 'complete'
      if (ops.some(isLast)) throw new LakeloopError('STORE_FULL', { file: 'x' })
      return super.commit(ops)
    }
  }
  const world = new World({ store: new Forgetful() })
  expect(await world.sync([person(1)]).run()).toMatchObject({ status: 'failed', error: { code: 'STORE_FULL' } })
})
