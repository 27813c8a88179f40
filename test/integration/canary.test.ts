import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type Action, deliver, LakeloopError, type Store, SYSTEM_CLOCK, Transform } from 'lakeloop'
import { DuckDbSource } from 'lakeloop/sources/duckdb'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import type { FaultKind } from 'lakeloop/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { BAD_INPUT, type BadInput } from './bad-inputs.js'
import { type Canary, Stage, saidBy } from './stage.js'

// Each has a part that no other text here holds, so that a piece of it is found too.
const CANARY: Canary = { apiKey: 'key-w7qz4v81', email: 'canary-w7qz4v82@example.com', value: 'tier-w7qz4v83' }
const MARK = 'w7qz4v8'

let stage: Stage
/** What was written to the console and to both streams while the test ran. */
let written: string[]

beforeEach(async () => {
  written = []
  const write = (...given: unknown[]): boolean => written.push(given.map((one) => inspect(one)).join(' ')) > 0
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockImplementation(write)
  for (const level of ['debug', 'error', 'info', 'log', 'warn'] as const) {
    vi.spyOn(console, level).mockImplementation(write)
  }
  stage = await Stage.open(CANARY)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await stage.close()
})

/** Every text that a host could make of what it was told. */
function textsOf(told: unknown): readonly string[] {
  const shown = inspect(told, { showHidden: true, depth: Number.POSITIVE_INFINITY, maxStringLength: null })
  const json = JSON.stringify(told, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) ?? ''
  const error = told instanceof Error ? [told.message, String(told.stack), String(told)] : []
  return [shown, json, ...error]
}

/** The places where the canary shows, if any [I7]. */
function leaks(): readonly string[] {
  const texts = [...stage.told.flatMap(textsOf), ...written]
  return texts.filter((text) => text.includes(MARK))
}

/** What the store and the fake hold: the canary was really there. */
async function held(): Promise<string> {
  const kept = [await stage.kept('deadLetter'), await stage.kept('parked'), stage.fake.ledger.users()]
  return JSON.stringify(kept)
}

test('the search finds a canary wherever an error or an event may hold it', () => {
  class Holder {
    readonly apiKey = CANARY.apiKey
  }
  const error = Object.assign(new Error('x', { cause: new Error(CANARY.email) }), {})
  stage.told.push(error, { event: 'batch', told: [{ deep: { deeper: [new Map([['value', CANARY.value]])] } }] })
  stage.told.push(new Holder(), Object.defineProperty({}, 'hidden', { value: CANARY.value }))
  console.warn(CANARY.email)
  expect(leaks().length).toBeGreaterThanOrEqual(5)
})

test('it hears lines, spans, metrics, plans, outcomes and the report page', async () => {
  await stage.play()
  const texts = stage.told.map((told) => inspect(told, { depth: 4 }))
  for (const part of [
    'line:',
    "'lakeloop.sync'",
    'lakeloop.rows',
    '"requests"',
    '<!doctype html>',
    "kind: 'profile'",
    'bytes:',
  ])
    expect(
      texts.some((text) => text.includes(part)),
      part,
    ).toBe(true)
  expect(leaks()).toEqual([])
})

describe('no credential, address or value shows after bad input', () => {
  test.each(Object.keys(BAD_INPUT) as BadInput[])('%s [I7]', async (name) => {
    stage.told.push(await BAD_INPUT[name](stage))
    expect(stage.told.length).toBeGreaterThan(0)
    expect(leaks()).toEqual([])
  })

  test('a transform that throws what carries the row in every way [I7]', async () => {
    const transform = `export default (row) => {
      if (row.id === 'c-2') throw row.email + row.tier
      if (row.id === 'c-3') throw { name: row.tier, message: row.email, stack: row.email }
      const error = new Error(row.email, { cause: row })
      error.name = row.tier
      error.stack = row.email + '\\n    at ' + row.tier + ' (' + row.email + ':1:1)'
      throw error
    }`
    const rows = stage.rows().map((row) => ({ ...row, email: CANARY.email, tier: CANARY.value }))
    const report = await stage.play({ transform, rows })
    expect(report.rows.rejected).toBe(3)
    expect(leaks()).toEqual([])
    expect(await held()).toContain(MARK)
  })

  test('a transform that returns the row where something else belongs [I7]', async () => {
    const transform = `export default (row) => [
      row.email,
      { kind: row.tier, identifiers: { email: row.email } },
      { kind: 'event', eventName: { [row.tier]: row.email }, identifiers: { email: row.email } },
      { kind: 'membership', list: [row.tier], member: row.email, identifiers: [row.email] },
    ]['c-1 c-2 c-3 c-4'.split(' ').indexOf(row.id)]`
    const rows = ['c-1', 'c-2', 'c-3', 'c-4'].map((id) => ({ id, email: CANARY.email, tier: CANARY.value }))
    const report = await stage.play({ transform, rows })
    expect(saidBy(report)).toMatch(/^complete: 4 read, 0 accepted, 0 unchanged, 4 rejected/)
    expect(leaks()).toEqual([])
  })

  test('a listener that throws what it was told [I7]', async () => {
    const sync = stage.sync()
    sync.on('batch', () => {
      throw new Error(CANARY.email)
    })
    await stage.run(sync)
    expect(JSON.stringify(stage.told)).toContain('LISTENER_FAILED')
    expect(leaks()).toEqual([])
  })
})

describe('no credential, address or value shows after a fault of Iterable', () => {
  const AND_LIST = `export default (row) => [
    { kind: 'profile', identifiers: { email: row.email }, dataFields: { tier: row.tier } },
    { kind: 'event', eventName: 'scored', identifiers: { email: row.email }, dataFields: { tier: row.tier } },
    { kind: 'membership', list: 'news', identifiers: { email: row.email }, member: true },
  ]`
  /** Profiles, events and memberships. The event's field is new to the fake, which would leave it out if it may not make it. */
  const playAll = () => {
    const destination = stage.destination(CANARY.apiKey, { createNewFields: true })
    stage.told.push(destination)
    return stage.play({ transform: AND_LIST, options: { destination } })
  }
  const ENDPOINTS = ['users/bulkUpdate', 'events/trackBulk', 'lists/subscribe'] as const
  const PASSING = [
    'throttle',
    'server error',
    'unavailable',
    'reset before apply',
    'reset after apply',
    'stalled body',
    'no answer',
    'empty 200',
    'truncated JSON',
    'HTML 200',
    'HTML 502',
  ] as const satisfies readonly FaultKind[]

  test.each(PASSING)('%s: asked again, and then accepted [I7]', async (fault) => {
    for (const endpoint of ENDPOINTS) stage.fake.faults.next(endpoint, fault)
    const report = await playAll()
    expect(saidBy(report)).toBe('complete: 3 read, 3 accepted, 0 unchanged, 0 rejected, 0 parked')
    expect(stage.fake.faults.hits).toEqual({ [fault]: 3 })
    expect(await held()).toContain(MARK)
    expect(leaks()).toEqual([])
  })

  test.each(['unauthorized', 'redirect'] as const)('%s: the run stops [I7]', async (fault) => {
    stage.fake.faults.next('users/bulkUpdate', fault)
    const report = await playAll()
    expect(report).toMatchObject({ status: 'failed', rows: { read: 3, accepted: 0, unsettled: 3 } })
    expect(leaks()).toEqual([])
  })

  test('an outage that outlasts every retry: the run stops [I7]', async () => {
    const outage = [
      'server error',
      'HTML 502',
      'reset before apply',
      'empty 200',
      'HTML 200',
      'truncated JSON',
    ] as const
    for (const fault of outage) stage.fake.faults.next('users/bulkUpdate', fault)
    const report = await stage.play()
    expect(saidBy(report)).toBe(
      'failed: 3 read, 0 accepted, 0 unchanged, 0 rejected, 0 parked, 0 filtered, 3 unsettled\n' +
        'RETRIES_SPENT: users/bulkUpdate was asked 6 times without a clear answer: DESTINATION_ANSWER_UNCLEAR. ' +
        'Run again later: nothing is lost.',
    )
    expect(leaks()).toEqual([])
  })

  test('failure lists that name the person: the row is rejected, or asked again alone [I7]', async () => {
    const lists = ['invalidEmails', 'invalidDataEmails', 'forgottenEmails', 'conflictEmails', 'notFoundEmails']
    for (const list of lists) {
      stage.fake.faults.next('users/bulkUpdate', { kind: 'failed rows', addresses: [CANARY.email], list })
      const report = await stage.play({ rows: stage.rows({ tier: `${CANARY.value}-${list}` }) })
      expect(report.rows.rejected).toBe(1)
    }
    expect(stage.fake.faults.hits['failed rows']).toBe(lists.length)
    expect(await held()).toContain(MARK)
    expect(leaks()).toEqual([])
  })

  test('a refusal of the whole request that quotes the value: only its row is rejected [I7]', async () => {
    // The field's type is learned by the fake after our delivery has read the contract, so the fake has to refuse.
    const transform = `export default (row) => ({
      identifiers: { email: row.email },
      dataFields: { fresh: row.id === 'c-1' ? row.tier : 1.5 },
    })`
    const rows = [...stage.rows()].reverse()
    const destination = stage.destination(CANARY.apiKey, { createNewFields: true })
    const report = await stage.play({ transform, rows, options: { destination } })
    expect(saidBy(report)).toBe(
      'complete: 3 read, 2 accepted, 0 unchanged, 1 rejected, 0 parked\n' +
        '1 rejected: field fresh is double in the destination and the row has string. ' +
        'Send the field as double, or under a new name.',
    )
    expect(leaks()).toEqual([])
  })

  test('counts that do not add up [I7]', async () => {
    stage.fake.faults.next('users/bulkUpdate', 'wrong counts')
    await playAll()
    expect(stage.fake.faults.hits).toEqual({ 'wrong counts': 1 })
    expect(leaks()).toEqual([])
  })
})

describe('no credential, address or value shows after a fault of the store', () => {
  const quoting = () => new Error(`${CANARY.email} ${CANARY.value} ${CANARY.apiKey}`)
  const THROWN = {
    'an error of ours whose cause quotes the row': () => new LakeloopError('STORE_FULL', { file: 'x' }, quoting()),
    'an error of the driver that quotes the row': quoting,
    'no error at all': () => CANARY.email,
  }

  test.each(Object.keys(THROWN) as (keyof typeof THROWN)[])('%s, from any commit on [I7]', async (name) => {
    for (let failsAt = 0; failsAt < 4; failsAt += 1) {
      let commits = 0
      const { store } = stage
      const failing: Store = {
        supports: store.supports,
        get: (table, keys) => store.get(table, keys),
        scan: (table, range) => store.scan(table, range),
        close: async () => undefined,
        commit: async (ops) => {
          commits += 1
          if (commits > failsAt && ops.some(({ table }) => table !== 'lease')) throw THROWN[name]()
          await store.commit(ops)
        },
      }
      const rows = stage.rows({ tier: `${CANARY.value}-${failsAt}` })
      const report = await stage.run(stage.sync({ store: failing, rows })).catch((error: unknown) => {
        expect(error).toEqual(THROWN[name]()) // of the host's own store, as it threw it
        return undefined
      })
      if (report !== undefined) expect(report.status).not.toBe('complete')
    }
    expect(leaks()).toEqual([])
  })
})

describe('no credential, address or value shows in what a part used alone throws', () => {
  const { signal } = new AbortController()
  const profile: Action = {
    kind: 'profile',
    identifiers: { email: CANARY.email },
    dataFields: { tier: CANARY.value },
  }
  const thrown = async (code: LakeloopError['code'], work: () => unknown): Promise<void> => {
    expect(await stage.attempt(work)).toMatchObject({ code })
    expect(leaks()).toEqual([])
  }
  const delivered = (apiKey?: () => string) => {
    const destination = stage.destination(apiKey)
    return deliver(destination, [profile], { clock: { ...SYSTEM_CLOCK, random: () => 0 } })
  }

  test.each([
    ['unauthorized', 'DESTINATION_UNAUTHORIZED'],
    ['redirect', 'DESTINATION_REDIRECTED'],
  ] as const)('deliver: %s [I7]', async (fault, code) => {
    stage.fake.faults.next('users/bulkUpdate', fault)
    await thrown(code, () => delivered())
  })

  test.each(['reset before apply', 'no answer', 'truncated JSON'] as const)(
    'deliver: %s, for ever [I7]',
    async (fault) => {
      for (let attempt = 0; attempt < 6; attempt += 1) stage.fake.faults.next('users/bulkUpdate', fault)
      await thrown('RETRIES_SPENT', () => delivered())
    },
  )

  test('deliver: a vault that fails [I7]', async () => {
    const vault = (): string => {
      throw new Error(`no grant for ${CANARY.apiKey}`)
    }
    await thrown('CREDENTIALS_MISSING', () => delivered(vault))
  })

  test('deliver: a key that no header can carry [I7]', async () => {
    await thrown('OPTION_INVALID', () => delivered(() => `${CANARY.apiKey}\n`))
  })

  test.each([
    ['SOURCE_QUERY_INVALID', `SELEC '${CANARY.value}'`],
    ['SOURCE_QUERY_INVALID', `SELECT CAST('${CANARY.value}' AS INTEGER) AS tier`],
    ['SOURCE_TABLE_MISSING', `SELECT * FROM scores WHERE tier = '${CANARY.value}'`],
    ['SOURCE_COLUMN_MISSING', `SELECT tier FROM (SELECT '${CANARY.value}' AS grade)`],
  ] as const)('DuckDbSource: %s [I7]', async (code, query) => {
    const source = new DuckDbSource({ query })
    await thrown(code, async () => {
      for await (const page of source.read({ signal })) expect(page.rows.length).toBe(0)
    })
    await source.close()
  })

  test.each([
    ['TRANSFORM_SYNTAX', `const vip = '${CANARY.email}' '${CANARY.value}'`],
    ['TRANSFORM_THREW', `throw new Error('${CANARY.email}'); export default () => null`],
    ['TRANSFORM_NO_FUNCTION', `const vip = '${CANARY.email}'`],
  ] as const)('Transform: %s [I7]', async (code, text) => {
    const transform = Transform.fromText(text)
    await thrown(code, () => transform.prepare())
    await transform.close()
  })

  test('SqliteStore: a file that holds something else [I7]', async () => {
    const path = join(stage.folder, 'contacts.txt')
    writeFileSync(path, `${CANARY.email};${CANARY.value}\n`.repeat(200))
    const store = new SqliteStore({ path })
    await thrown('STORE_CORRUPT', () => store.commit([{ op: 'put', table: 'run', key: [CANARY.email], value: 1 }]))
    await store.close()
  })

  test('SqliteStore: a key that is none [I7]', async () => {
    const key = ['stage', CANARY.email, '\ud800']
    await thrown('STORE_KEY_INVALID', () => stage.store.commit([{ op: 'put', table: 'run', key, value: CANARY.value }]))
  })
})
