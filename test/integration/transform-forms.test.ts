import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import { rowBlock } from '../../src/model/row.js'
import type { JsonObject } from '../../src/model/value.js'
import { type ColumnMapping, Transform, type TransformOptions } from '../../src/transform/transform.js'
import { fatesOf } from '../transform/programs.js'

const people = (count: number): JsonObject[] =>
  Array.from({ length: count }, (_, n) => ({ n, email: `p${n}@example.com` }))

const fieldsOf = (action: Action): unknown => ('dataFields' in action ? action.dataFields : undefined)

async function tried(source: string, rows: readonly JsonObject[], options: TransformOptions = {}) {
  await using transform = Transform.fromText(source, { name: 'churn.js', ...options })
  return await transform.try(rows, { now: 0 })
}

describe('batch: the function gets all rows of a slice', () => {
  const batch = true

  test('and every action names its row', async () => {
    const source = `export default (rows, { skip }) => {
      const most = Math.max(...rows.map((row) => row.n))
      skip(rows[1], 'none of ours')
      return [
        { from: rows[2], email: rows[2].email, dataFields: { most } },
        false,
        { from: rows[0], email: rows[0].email, dataFields: { most } },
        { from: rows[2], email: rows[2].email, eventName: 'seen' },
      ]
    }`
    const { rows, actions } = await tried(source, people(4), { batch })
    expect(rows.map((row) => (row.status === 'made' ? row.actions.length : row.reason))).toEqual([
      1,
      { code: 'TRANSFORM_SKIPPED', facts: { reason: 'none of ours' } },
      2,
      { code: 'TRANSFORM_NO_ACTION', facts: {} },
    ])
    expect(actions.map((action) => [action.kind, action.identifiers.email, fieldsOf(action)])).toEqual([
      ['profile', 'p0@example.com', { most: 3 }],
      ['profile', 'p2@example.com', { most: 3 }],
      ['event', 'p2@example.com', undefined],
    ])
  })

  test('in the form of send, and async', async () => {
    const source =
      'async function send(payload) { return payload.events.map((row) => ({ from: row, email: row.email, dataFields: { of: payload.events.length } })) }'
    const { actions } = await tried(source, people(5), { batch, sliceRows: 3 })
    expect(actions.map(fieldsOf)).toEqual([3, 3, 3, 2, 2].map((of) => ({ of })))
  })

  test('the columns it reads are known', async () => {
    await using transform = Transform.fromText(
      'export default (rows) => rows.map((row) => ({ from: row, email: row.email }))',
      {
        batch,
      },
    )
    const { reads, readsAll } = await transform.prepare()
    expect([reads.map(({ column }) => column), readsAll]).toEqual([['email'], false])
  })

  test.each([
    ['throws', 'if (row.n % 7 === 3) null.x', 'TRANSFORM_THREW'],
    ['makes what is no action', 'if (row.n % 7 === 3) return { from: row, dataFields: 5 }', 'TRANSFORM_BAD_OUTPUT'],
    ['ends the process', 'if (row.n === 3) for (;;);', 'TRANSFORM_TIMEOUT'],
  ])('a row that %s is rejected alone', async (_, fault, code) => {
    const source = `export default (rows) => rows.map((row) => { ${fault}\nreturn { from: row, email: row.email } })`
    const { rows } = await tried(source, people(20), { batch, timeoutMs: 300 })
    const isBad = (n: number): boolean => (code === 'TRANSFORM_TIMEOUT' ? n === 3 : n % 7 === 3)
    const ends = rows.map((row) => (row.status === 'made' ? 'made' : row.reason.code))
    expect(ends).toEqual(people(20).map((_, n) => (isBad(n) ? code : 'made')))
  })

  test('a promise that never settles rejects its rows, and no others', async () => {
    const source = `export default (rows) => rows.some((row) => row.n === 2)
      ? new Promise(() => {}) : rows.map((row) => ({ from: row, email: row.email }))`
    const { rows } = await tried(source, people(5), { batch })
    expect(rows.map((row) => (row.status === 'made' ? 1 : row.reason.code))).toEqual([
      1,
      1,
      'TRANSFORM_NEVER_SETTLES',
      1,
      1,
    ])
  })

  test.each([
    ['no `from`', '{ email: row.email }'],
    ['a copy', '{ from: { ...row }, email: row.email }'],
    ['a number', '{ from: 0, email: row.email }'],
  ])('an action with %s is refused', async (_, action) => {
    const { rows } = await tried(`export default (rows) => rows.map((row) => (${action}))`, people(2), { batch })
    expect(rows).toMatchObject([0, 1].map(() => ({ status: 'rejected', reason: { code: 'TRANSFORM_BAD_OUTPUT' } })))
  })

  test('[I7] a program that catches what a wrong skip comes to gets nothing to say values with', async () => {
    const source = `export default (rows, { skip }) => {
      try { skip({}) } catch (error) { throw new error.constructor('TRANSFORM_THREW', { at: rows[0].email, name: rows[0].email }) }
      return rows.map((row) => ({ from: row, email: row.email }))
    }`
    const { rows } = await tried(source, people(1), { batch })
    expect(rows).toMatchObject([{ status: 'rejected', reason: { code: 'TRANSFORM_BAD_OUTPUT' } }])
    expect(JSON.stringify(rows)).not.toContain('example.com')
  })

  test('rows that the program is not to see are not among them', async () => {
    const refused = new Map([[1, { code: 'ROW_INEXACT', facts: {} }]])
    await using transform = Transform.fromText(
      'export default (rows) => rows.map((row) => ({ from: row, email: row.email, dataFields: { of: rows.length } }))',
      { batch },
    )
    const made = await transform.run({ rows: rowBlock(people(3), { refused }) })
    expect(fatesOf(made)).toEqual([1, 'ROW_INEXACT', 1])
  })
})

describe('one call for each row', () => {
  test.each(["skip('no score')", "skip(row, 'no score')"])('%s leaves the row out', async (call) => {
    const source = `export default (row, { skip }) => row.n === 1 ? ${call} : { email: row.email }`
    const { rows } = await tried(source, people(2))
    expect(rows[1]).toEqual({
      status: 'filtered',
      actions: [],
      reason: { code: 'TRANSFORM_SKIPPED', facts: { reason: 'no score' } },
    })
  })

  test.each([
    ['reason', "skip('late')"],
    ['row', "skip(row, 'late')"],
  ])('a skip(%s) from a promise of an earlier row that was dropped filters no later row', async (_, call) => {
    const source = `export default async (row, { skip }) => {
      if (row.n === 0) void (async () => { for (let n = 0; n < 20; n += 1) { await null; ${call} } })()
      if (row.n > 0) for (let n = 0; n < 5; n += 1) await null
      return { email: row.email }
    }`
    const { rows } = await tried(source, people(3))
    // The promise gets to run while row 0 is still under way: its own row it may filter.
    expect(rows.map(({ status }) => status).slice(1)).toEqual(['made', 'made'])
  })

  test('a skip(null) beside a row that the program is not to see leaves its own row out', async () => {
    const refused = new Map([[1, { code: 'ROW_INEXACT', facts: {} }]])
    await using transform = Transform.fromText('export default (row, { skip }) => { skip(null); return row }')
    const made = await transform.run({ rows: rowBlock(people(3), { refused }) })
    expect(fatesOf(made)).toEqual(['TRANSFORM_SKIPPED', 'ROW_INEXACT', 'TRANSFORM_SKIPPED'])
  })

  test('a skip that was kept from an earlier row does nothing for a later one', async () => {
    const source = `const kept = []
      export default (row, { skip }) => { kept.push(skip); if (row.n === 1) kept[0]('early'); return { email: row.email } }`
    const { rows } = await tried(source, people(3))
    expect(rows.map(({ status }) => status)).toEqual(['made', 'made', 'made'])
  })

  test('a getter of what was returned can skip no more', async () => {
    const source = `export default (row, { skip }) => ({ get email() { skip('late'); return row.email } })`
    const { rows } = await tried(source, people(1))
    expect(rows.map(({ status }) => status)).toEqual(['made'])
  })

  test('`from` is a field of batches only', async () => {
    const { rows } = await tried('export default (row) => ({ from: row, email: row.email })', people(1))
    expect(rows).toMatchObject([{ reason: { code: 'TRANSFORM_BAD_OUTPUT' } }])
  })
})

describe('rowErrors: stop', () => {
  test.each([
    [
      'throws',
      'null.x',
      'row 2 of the page was rejected, and rowErrors is stop: TRANSFORM_THREW: churn.js:1:51: the transform threw TypeError.',
    ],
    [
      'ends the process',
      'for (;;);',
      'row 2 of the page was rejected, and rowErrors is stop: TRANSFORM_TIMEOUT: churn.js:1:16: the transform ran past 200 ms',
    ],
  ])('a row that %s stops the call', async (_, fault, message) => {
    const source = `export default (row) => { if (row.n === 2) { ${fault} } return { email: row.email } }`
    const all = tried(source, people(5), { rowErrors: 'stop', timeoutMs: 200, sliceRows: 2 })
    await expect(all).rejects.toThrow(`TRANSFORM_ROW_STOPPED: ${message}`)
  })

  test('a row that is filtered does not', async () => {
    const { rows } = await tried('export default () => []', people(2), { rowErrors: 'stop' })
    expect(rows.map(({ status }) => status)).toEqual(['filtered', 'filtered'])
  })
})

describe('Transform.map', () => {
  const row = { user_id: 7, email: 'a@example.com', score: 0.8, tier: null, 'odd "name"': 1, at_risk: true, vip: null }
  const mapped = async (mapping: ColumnMapping) => {
    await using transform = Transform.map(mapping)
    const { actions } = await transform.try([row])
    const { reads, readsAll } = await transform.prepare()
    return { actions, reads: reads.map(({ column }) => column), readsAll }
  }

  test('makes a profile and memberships of columns, and tells which it reads', async () => {
    const { actions, reads, readsAll } = await mapped({
      identifiers: { customer_id: 'user_id', email: 'email' },
      dataFields: { churn: 'score', odd: 'odd "name"', tier: 'tier' },
      lists: { 'at-risk': 'at_risk', VIP: 'vip' },
    })
    const identifiers = { customer_id: '7', email: 'a@example.com' }
    expect(actions).toMatchObject([
      { kind: 'profile', identifiers, dataFields: { churn: 0.8, odd: 1 } },
      { kind: 'membership', identifiers, list: 'at-risk', member: true },
      { kind: 'membership', identifiers, list: 'VIP' },
    ])
    expect(actions[2]).not.toHaveProperty('member')
    expect(reads.sort()).toEqual(['at_risk', 'email', 'odd "name"', 'score', 'tier', 'user_id', 'vip'])
    expect(readsAll).toBe(false)
  })

  test('columns may keep their names, and lists be numbers', async () => {
    const { actions } = await mapped({
      identifiers: { email: 'email' },
      dataFields: ['score'],
      lists: [{ list: 12, member: 'at_risk' }],
    })
    expect(actions).toMatchObject([{ dataFields: { score: 0.8 } }, { list: 12, member: true }])
  })

  test.each<readonly [unknown, string]>([
    [{ identifiers: {}, dataFields: ['a'] }, 'map needs an identifier'],
    [{ identifiers: { email: 'email' } }, 'map needs dataFields or lists'],
    [{ identifiers: { email: '' }, dataFields: ['a'] }, 'map.identifiers.email'],
    [{ identifiers: { email: 'email' }, fields: ['a'] }, 'map'],
    [{ identifiers: { email: 'email' }, dataFields: {} }, 'map.dataFields is empty: leave it out'],
    [{ identifiers: { email: 'email' }, dataFields: [] }, 'map.dataFields is empty: leave it out'],
    [{ identifiers: { email: 'email' }, dataFields: ['a'], lists: {} }, 'map.lists is empty: leave it out'],
    [{ identifiers: { email: 'email' }, lists: [] }, 'map.lists is empty: leave it out'],
    [{ identifiers: { email: 'e', ['__proto__']: 'a' }, dataFields: ['a'] }, 'map.identifiers has the name __proto__'],
    [{ identifiers: { email: '__proto__' }, dataFields: ['a'] }, 'map.identifiers has the name __proto__'],
    [{ identifiers: { email: 'e' }, dataFields: { ['__proto__']: 'a' } }, 'map.dataFields has the name __proto__'],
    [{ identifiers: { email: 'e' }, dataFields: ['a', '__proto__'] }, 'map.dataFields has the name __proto__'],
    [{ identifiers: { email: 'e' }, lists: { ['__proto__']: 'a' } }, 'map.lists has the name __proto__'],
    [{ identifiers: { email: 'e' }, lists: [{ list: 'x', member: '__proto__' }] }, 'map.lists has the name __proto__'],
    [null, 'map'],
    [{ identifiers: { email: 'e' }, lists: [null] }, 'map.lists'],
  ])('%j is refused', (mapping, message) => {
    expect(() => Transform.map(mapping as ColumnMapping)).toThrow(message)
  })
})

test('try() tells what each row became, what was logged, and how long it took', async () => {
  const source = `export default (row) => {
    console.log('row', row.n)
    if (row.n === 1) null.x
    return row.n === 2 ? null : { email: row.email, dataFields: { n: row.n } }
  }`
  const { rows, actions, logs, timings } = await tried(source, people(3))
  expect(rows).toEqual([
    {
      status: 'made',
      actions: [
        expect.objectContaining({ kind: 'profile', identifiers: { email: 'p0@example.com' }, dataFields: { n: 0 } }),
      ],
    },
    {
      status: 'rejected',
      actions: [],
      reason: { code: 'TRANSFORM_THREW', facts: { at: 'churn.js:3:27', name: 'TypeError' } },
    },
    { status: 'filtered', actions: [], reason: { code: 'TRANSFORM_NO_ACTION', facts: {} } },
  ])
  expect(actions).toHaveLength(1)
  expect(logs.map(({ row, text }) => [row, text])).toEqual([
    [0, 'row 0'],
    [1, 'row 1'],
    [2, 'row 2'],
  ])
  expect(timings.prepare).toBeGreaterThan(0)
  expect(timings.run).toBeGreaterThan(0)
})

describe('what became of a row does not depend on the rows before it', () => {
  test.each(["new Map([['a', 1]])", 'Promise.resolve({})', 'new Error()', 'new Set([1])', '/a/', '[]'])(
    'an empty object does not let %s pass for one behind it',
    async (odd) => {
      const fields = await tried(
        `export default (row) => ({ email: row.email, dataFields: row.n ? ${odd} : {} })`,
        people(2),
      )
      expect(fields.rows[1]).toMatchObject({ status: 'rejected', reason: { code: 'TRANSFORM_BAD_OUTPUT' } })
      const named = await tried(`export default (row) => ({ identifiers: row.n ? ${odd} : {} })`, people(2))
      const alone = await tried(`export default (row) => ({ identifiers: row.n ? ${odd} : {} })`, people(2), {
        sliceRows: 1,
      })
      expect(named.rows[1]).toEqual(alone.rows[1])
    },
  )

  test('identifiers are in one order', async () => {
    const source = 'export default (row) => ({ userId: row.email, email: row.email })'
    const { actions } = await tried(source, people(2))
    expect(actions.map(({ identifiers }) => Object.keys(identifiers))).toEqual([0, 1].map(() => ['email', 'userId']))
  })
})

describe('batch: a slice that goes wrong', () => {
  const OF =
    'export default (rows) => rows.map((row) => { %; return { from: row, email: row.email, dataFields: { of: rows.length } } })'
  const sizes = async (fault: string, count: number, options: TransformOptions) => {
    const { rows } = await tried(OF.replace('%', fault), people(count), { batch: true, ...options })
    return rows.map((row) =>
      row.status === 'made' ? (fieldsOf(row.actions[0] as Action) as { of: number }).of : row.reason.code,
    )
  }

  test('leaves the slices behind it whole', async () => {
    const all = await sizes('if (row.n === 2) null.x', 12, { sliceRows: 4 })
    expect(all).toEqual([2, 2, 'TRANSFORM_THREW', 1, 4, 4, 4, 4, 4, 4, 4, 4])
  })

  test('is halved where it ends the process, too', async () => {
    expect(await sizes('if (row.n === 3) for (;;);', 4, { timeoutMs: 200 })).toEqual([2, 2, 1, 'TRANSFORM_TIMEOUT'])
  })

  test('names the row of what is left out, and says what is missing', async () => {
    const nan = await tried(
      'export default (rows) => rows.map((row) => ({ from: row, email: row.email, dataFields: { x: row.n === 2 ? NaN : 1 } }))',
      people(3),
      { batch: true },
    )
    expect(nan.logs.map(({ row }) => row)).toEqual([2])
    const none = await tried('export default (rows) => rows.map((row) => ({ email: row.email }))', people(1), {
      batch: true,
    })
    expect(none.rows).toMatchObject([{ reason: { facts: { problem: expect.stringContaining('that is missing') } } }])
  })

  test('is not asked for where no row is to be seen', async () => {
    const refused = new Map([0, 1].map((row) => [row, { code: 'ROW_INEXACT', facts: {} }]))
    await using transform = Transform.fromText('export default (rows) => rows[0].email', {
      batch: true,
      rowErrors: 'stop',
    })
    expect(fatesOf(await transform.run({ rows: rowBlock(people(2), { refused }) }))).toEqual([
      'ROW_INEXACT',
      'ROW_INEXACT',
    ])
  })

  test('is another program than the same text for each row', async () => {
    const source = 'export default (rows) => []'
    await using one = Transform.fromText(source)
    await using other = Transform.fromText(source, { batch: true })
    expect(await one.version()).not.toBe(await other.version())
  })
})
