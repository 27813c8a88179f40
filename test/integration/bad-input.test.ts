import { join } from 'node:path'
import { isLakeloopError, type RunReport } from 'lakeloop'
import { DuckDbSource } from 'lakeloop/sources/duckdb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BAD_INPUT, type BadInput } from './bad-inputs.js'
import { Stage, saidBy } from './stage.js'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open({ apiKey: 'fake-key', email: 'ada@example.com', value: 'gold' })
})
afterEach(() => stage.close())

const play = (name: BadInput): Promise<RunReport> => BAD_INPUT[name](stage) as Promise<RunReport>

/** Every row that was read has its outcome (I4). */
function expectSums({ rows }: RunReport): void {
  const { read, unsettled, ...outcomes } = rows
  expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(read)
  expect(unsettled).toBe(0)
}

const arrived = (): readonly string[] => [...stage.fake.ledger.users()].map(emailOf).sort()
const emailOf = (user: unknown): string => (typeof user === 'string' ? user : (user as { email: string }).email)

describe('what stops before the first row says which part, why and what to do, and loses nothing', () => {
  const STOPS: readonly (readonly [BadInput, string])[] = [
    [
      'credentials that the vault does not give',
      'CREDENTIALS_MISSING: IterableDestination has no credential for apiKey. ' +
        'Pass a string, or a function that returns one.',
    ],
    [
      'a query with a syntax error',
      'SOURCE_QUERY_INVALID: the query of scores was refused: syntax error at line 2. Correct the SQL, or what stands in its way.',
    ],
    [
      'a query that casts what it cannot',
      'SOURCE_QUERY_INVALID: the query of scores was refused: a value cannot be cast to the type asked for at line 1. ' +
        'Correct the SQL, or what stands in its way.',
    ],
    [
      'a missing table',
      'SOURCE_TABLE_MISSING: the query of scores names the table analytics.scores, which is not there. ' +
        'Check the name and the schema.',
    ],
    [
      'a transform that does not parse',
      'TRANSFORM_SYNTAX: stage.transform.js:2:41: Unexpected token. Correct the transform.',
    ],
    [
      'a locked database file',
      'STORE_LOCKED: the store FILE is locked by another process. End the other process, or wait.',
    ],
    [
      'a read-only database file',
      'STORE_READ_ONLY: the store FILE cannot be written. Check the permissions of the file and its folder, or the grants of the role.',
    ],
  ]

  test.each(STOPS)('%s [I3]', async (name, message) => {
    const report = await play(name)
    expect(saidBy(report).replaceAll(join(stage.folder, 'lakeloop.db'), 'FILE')).toBe(
      `failed: 0 read, 0 accepted, 0 unchanged, 0 rejected, 0 parked\n${message}`,
    )
    expect(arrived()).toEqual([])
    // The same sync, put right, sends every row: the cursor has not moved over any.
    expect(saidBy(await stage.play())).toBe('complete: 3 read, 3 accepted, 0 unchanged, 0 rejected, 0 parked')
    expect(arrived()).toEqual(['ada@example.com', 'bob@example.com', 'eve@example.com'])
  })

  test('no credentials', async () => {
    const error = await BAD_INPUT['no credentials'](stage)
    expect(isLakeloopError(error, 'CREDENTIALS_MISSING')).toBe(true)
    expect(error.message).toBe(
      'CREDENTIALS_MISSING: IterableDestination has no credential for apiKey. ' +
        'Pass a string, or a function that returns one.',
    )
  })

  test('credentials that Iterable refuses [I3]', async () => {
    stage.fake.revoke()
    expect(saidBy(await stage.play())).toBe(
      'failed: 0 read, 0 accepted, 0 unchanged, 0 rejected, 0 parked\n' +
        'DESTINATION_UNAUTHORIZED: users/getFields refused the credential (401). Check the key, its type and its data center.',
    )
  })

  test('a query whose column is gone names the line of the transform that reads it [I3]', async () => {
    const source = new DuckDbSource({ name: 'scores', query: "SELECT 'c-1' AS id, 'gold' AS grade", key: ['id'] })
    const transform = `export default (row) => ({
      identifiers: { customer_id: row.id },
      dataFields: { tier: row.tier },
    })`
    expect(saidBy(await stage.play({ source, transform }))).toBe(
      'stopped: 0 read, 0 accepted, 0 unchanged, 0 rejected, 0 parked\n' +
        'SCHEMA_BREAKS_TRANSFORM: column tier is missing; the transform reads it at stage.transform.js:3:31. ' +
        'Mend the transform or the query. Nothing was sent and the cursor has not moved.',
    )
    await source.close()
  })
})

describe('a row that cannot be delivered says why, is kept whole, and holds up no other', () => {
  const { email, value } = { email: 'ada@example.com', value: 'gold' }
  const whole = { id: 'c-1', email, tier: value }
  const profile = { kind: 'profile', dataFields: { tier: value } }

  const ROWS: readonly (readonly [BadInput, string, 'deadLetter' | 'parked', object])[] = [
    [
      'a transform that throws',
      '1 rejected: stage.transform.js:2:37: the transform threw TypeError. Mend the transform for rows of this kind.',
      'deadLetter',
      { row: whole, reason: { code: 'TRANSFORM_THREW' } },
    ],
    [
      'a row without any identifier',
      '1 rejected: the row names nobody: it has no identifier. Give the action at least one identifier.',
      'deadLetter',
      { action: { ...profile, identifiers: {} }, reason: { code: 'IDENTIFIER_MISSING' } },
    ],
    [
      'an email such as none',
      '1 rejected: every identifier of the row is unusable: email blocked. Correct the values at their source; what is undeclared, in the transform or in the rules.',
      'deadLetter',
      { action: { ...profile, identifiers: { email: 'none' } }, reason: { code: 'IDENTIFIER_UNUSABLE' } },
    ],
    [
      'an email that is none',
      '1 rejected: every identifier of the row is unusable: email invalid. Correct the values at their source; what is undeclared, in the transform or in the rules.',
      'deadLetter',
      { action: { ...profile, identifiers: { email: 'ada at example.com' } }, reason: { code: 'IDENTIFIER_UNUSABLE' } },
    ],
    [
      'an email such as none, of a known customer',
      '1 parked: the person has no email yet. Nothing to do: it is tried again when identity learns one.',
      'parked',
      {
        action: { ...profile, identifiers: { customer_id: 'c-1', email: 'none' } },
        reason: { code: 'ADDRESS_UNKNOWN' },
      },
    ],
    [
      'a value of the wrong type for an existing field',
      '1 rejected: field score is double in the destination and the row has string. ' +
        'Send the field as double, or under a new name.',
      'deadLetter',
      {
        action: { kind: 'profile', identifiers: { email }, dataFields: { score: value } },
        reason: { code: 'FIELD_TYPE_CONFLICT', facts: { field: 'score', expected: 'double', got: 'string' } },
      },
    ],
  ]

  test.each(ROWS)('%s [I4]', async (name, reason, table, kept) => {
    const report = await play(name)
    const sums = table === 'parked' ? '0 rejected, 1 parked' : '1 rejected, 0 parked'
    expect(saidBy(report)).toBe(`complete: 3 read, 2 accepted, 0 unchanged, ${sums}\n${reason}`)
    expectSums(report)
    expect(await stage.kept(table)).toEqual([expect.objectContaining({ runId: report.runId })])
    expect(await stage.kept(table)).toMatchObject([kept])
    expect(await stage.kept(table === 'parked' ? 'deadLetter' : 'parked')).toEqual([])
    expect(arrived()).toEqual(['bob@example.com', 'eve@example.com'])
  })

  test('an unknown list: the profile arrives, the membership is kept [I4]', async () => {
    const report = await play('an unknown list')
    expect(saidBy(report)).toBe(
      'complete: 3 read, 2 accepted, 0 unchanged, 1 rejected, 0 parked\n' +
        '1 rejected: the list vip is not there. Create it in the destination, or set lists.create to true.',
    )
    expectSums(report)
    const action = { kind: 'membership', identifiers: { email }, list: 'vip', member: true }
    expect(await stage.kept('deadLetter')).toMatchObject([{ action, reason: { code: 'LIST_UNKNOWN' } }])
    expect(arrived()).toEqual(['ada@example.com', 'bob@example.com', 'eve@example.com'])
    expect(stage.fake.ledger.members('news')).toEqual(['bob@example.com', 'eve@example.com'])
  })

  test('a parked row is sent once its customer has an email', async () => {
    await play('an email such as none, of a known customer')
    const report = await stage.play()
    expect(saidBy(report)).toBe('complete: 3 read, 1 accepted, 2 unchanged, 0 rejected, 0 parked')
    expect(await stage.kept('parked')).toEqual([])
    expect(arrived()).toEqual(['ada@example.com', 'bob@example.com', 'eve@example.com'])
  })

  test('a row that was put right leaves no dead letter behind', async () => {
    await play('a value of the wrong type for an existing field')
    const transform = `export default (row) => ({ identifiers: { email: row.email }, dataFields: { score: 0.5 } })`
    const report = await stage.play({ transform })
    expect(saidBy(report)).toBe('complete: 3 read, 1 accepted, 2 unchanged, 0 rejected, 0 parked')
    expect(await stage.kept('deadLetter')).toEqual([])
  })
})
