import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LakeloopError } from '../../src/errors.js'
import { rowBlock } from '../../src/model/row.js'
import type { Json, JsonObject } from '../../src/model/value.js'
import { Transform, type Transformed } from '../../src/transform/transform.js'
import { actionsOf, DEFAULT, fatesOf, runProgram, SEND } from '../transform/programs.js'

const ROWS = [
  { user_id: 'c-1', email: 'ada@example.com', churn_risk_score: 0.9, account_tier: null },
  { user_id: 17, email: null, churn_risk_score: 0.25, account_tier: 'gold' },
]
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

describe('the two forms', () => {
  test('send runs word for word, with one row in payload.events', async () => {
    expect(actionsOf(await runProgram(SEND, ROWS))).toEqual([
      {
        kind: 'profile',
        identifiers: { email: 'ada@example.com', userId: 'c-1' },
        dataFields: { churn_risk_score: 0.9 },
      },
      { kind: 'profile', identifiers: { userId: '17' }, dataFields: { churn_risk_score: 0.25, account_tier: 'gold' } },
    ])
  })

  test('a default export gives several actions per row, in order', async () => {
    const made = await runProgram(DEFAULT, ROWS, { key: ['user_id'], changedAt: 'email' })
    expect(actionsOf(made)).toEqual([
      { kind: 'profile', identifiers: { customer_id: 'c-1' }, dataFields: { churn_risk_score: 0.9 } },
      { kind: 'membership', identifiers: { customer_id: 'c-1' }, list: 'at-risk', member: true },
      { kind: 'profile', identifiers: { customer_id: '17' }, dataFields: { churn_risk_score: 0.25 } },
      { kind: 'membership', identifiers: { customer_id: '17' }, list: 'at-risk', member: false },
    ])
    expect(made.rows).toEqual([
      { status: 'made', from: 0, count: 2 },
      { status: 'made', from: 2, count: 2 },
    ])
    const { actions } = made
    expect([0, 1, 2, 3].map((index) => actions.row(index))).toEqual([0, 0, 1, 1])
    expect([actions.key(0), actions.changedAt(1), actions.address(0)]).toEqual(['c-1', 'ada@example.com', undefined])
  })

  test.each([
    'export default async (row) => ({ email: row.email })',
    'export default function (row) { return { email: row.email } }\n(1)',
    'export default async function named(row) { await null; return [{ email: row.email }] }',
    'const f = (row) => ({ email: row.email })\nexport { f as default }',
    'const f = (row) => ({ email: row.email })\nexport default f',
    'export const pick = (row) => row.email\nexport default (row) => ({ email: pick(row) })',
    'const send = async ({ events: [row] }) => ({ email: row.email })',
    'export function send({ events }) { return Promise.resolve(events.map(({ email }) => ({ email }))) }',
    'export default /* of */ (row) => ({ email: row.email }) // end',
    'export default (row) => ({ then(done) { done({ email: row.email }) } })',
  ])('%s', async (source) => {
    expect(actionsOf(await runProgram(source, ROWS.slice(0, 1)))).toEqual([
      { kind: 'profile', identifiers: { email: 'ada@example.com' } },
    ])
  })

  test('facts: form, version and the columns that are read', async () => {
    const transform = Transform.fromText(SEND, { name: 'churn.js' })
    expect(await transform.prepare()).toEqual({
      version: await transform.version(),
      form: 'send',
      reads: [
        { column: 'email', at: 'churn.js:2:50' },
        { column: 'user_id', at: 'churn.js:2:69' },
        { column: 'churn_risk_score', at: 'churn.js:2:114' },
        { column: 'account_tier', at: 'churn.js:2:150' },
      ],
      readsAll: false,
    })
    expect(await transform.version()).toMatch(/^[0-9a-f]{64}$/)
    await transform.close()
  })
})

test('payload bytes and shapes are these [I9]', async () => {
  const source = `export default (row) => ({ email: row.email, dataFields: {
    name: 'Zoë', n: 1, d: 1.5, day: '2026-01-02', nearly: '2026-01-02T03:04', yes: true, at: new Date(),
    deep: { gone: undefined, list: [1, null, { a: null, b: '💚' }] }, nothing: null, zero: -0, nan: 0 / 0 } })`
  const made = await runProgram(source, [{ email: 'a@b.c' }, { email: 'd@e.f' }])
  const payload =
    '{"name":"Zoë","n":1,"d":1.5,"day":"2026-01-02","nearly":"2026-01-02T03:04","yes":true,' +
    '"at":"1970-01-01T00:00:00.000Z","deep":{"list":[1,null,{"b":"💚"}]},"zero":0}'
  expect([text(made.actions.payload(0)), text(made.actions.payload(1))]).toEqual([payload, payload])
  expect([...made.actions.shape(0).fields]).toEqual([
    ['name', 'string'],
    ['n', 'long'],
    ['d', 'double'],
    ['day', 'date'],
    ['nearly', 'nearDate'],
    ['yes', 'boolean'],
    ['at', 'date'],
    ['deep', 'object'],
    ['deep.list', 'array'],
    ['deep.list[]', 'object'],
    ['deep.list[].b', 'string'],
    ['zero', 'long'],
  ])
  expect(made.actions.shape(1)).toBe(made.actions.shape(0))
  expect(made.logs).toEqual([0, 1].map((row) => ({ level: 'warn', row, text: 'NaN was left out' })))
})

test("nulls: 'remove' keeps the nulls of dataFields, and no number that JSON cannot hold becomes one", async () => {
  const source =
    'export default (row) => ({ email: row.email, dataFields: { a: null, b: { c: null }, d: 1 / 0, e: new Date(NaN) } })'
  const made = await runProgram(source, [{ email: 'a' }], { context: { nulls: 'remove' } })
  expect(text(made.actions.payload(0))).toBe('{"a":null,"b":{"c":null}}')
})

describe('what becomes of a row', () => {
  test('one fate per row: made, skipped, nothing, refused by the source, thrown [I4]', async () => {
    const source = `export default (row, { skip }) => {
      if (row.n === 0) return skip('no consent')
      if (row.n === 1) return null
      if (row.n === 2) return []
      if (row.n === 3) { skip(row.secret); return [{ email: 'kept@out' }] }
      if (row.n === 4) throw new RangeError(row.secret)
      return [false, { email: row.secret }, undefined]
    }`
    const rows = [0, 1, 2, 3, 4, 5, 6].map((n) => ({ n, secret: 'canary@example.com' }))
    const refused = new Map([[6, { code: 'VALUE_NOT_EXACT', facts: { column: 'n' } }]])
    const made = await runProgram(source, rows, { refused })
    expect(made.rows).toEqual([
      { status: 'filtered', reason: { code: 'TRANSFORM_SKIPPED', facts: { reason: 'no consent' } } },
      { status: 'filtered', reason: { code: 'TRANSFORM_NO_ACTION', facts: {} } },
      { status: 'filtered', reason: { code: 'TRANSFORM_NO_ACTION', facts: {} } },
      { status: 'filtered', reason: { code: 'TRANSFORM_SKIPPED', facts: {} } },
      { status: 'rejected', reason: { code: 'TRANSFORM_THREW', facts: { at: 'churn.js:6:30', name: 'RangeError' } } },
      { status: 'made', from: 0, count: 1 },
      { status: 'rejected', reason: { code: 'VALUE_NOT_EXACT', facts: { column: 'n' } } },
    ])
    expect(JSON.stringify(made.rows)).not.toContain('canary')
  })

  test('the program never sees a refused row', async () => {
    const made = await runProgram('export default (row) => { console.log(row.n); return null }', [{ n: 1 }, { n: 2 }], {
      refused: new Map([[0, { code: 'VALUE_NOT_EXACT', facts: {} }]]),
    })
    expect(made.logs).toEqual([{ level: 'log', row: 1, text: '2' }])
  })

  test('[I12] of a text that is too long to cut off only the length is logged', async () => {
    const source =
      "export default () => { console.log('x'.repeat(2 ** 29 - 24)); console.log('y'.repeat(1e6)); return null }"
    const made = await runProgram(source, [{ n: 1 }])
    expect(made.logs.map(({ text }) => text)).toEqual(['[a text of 536870888 characters]', 'y'.repeat(500)])
  })

  test('no name that a program makes up is quoted [I7]', async () => {
    const secret = 'canary@example.com'
    const made = await runProgram(
      `export default ({ s, n }) => {
        if (n === 0) throw Object.assign(new Error(s), { name: s })
        if (n === 1) return { [s]: 1 }
        if (n === 2) return { identifiers: { [s]: 1.5 } }
        if (n === 3) return { kind: s }
        if (n === 4) throw s
        if (n === 5) throw Object.assign(new Error(s), { name: 'Mine' })
        const e = new Error(); e.stack = 'at x (lakeloop:transform:3:9) ' + s; throw e
      }`,
      [0, 1, 2, 3, 4, 5, 6].map((n) => ({ n, s: secret })),
    )
    expect(fatesOf(made).slice(0, 4)).toEqual(['TRANSFORM_THREW', ...Array(3).fill('TRANSFORM_BAD_OUTPUT')])
    expect(JSON.stringify(made)).not.toContain('canary')
    expect(made.rows[5]).toMatchObject({ reason: { facts: { name: 'Mine', at: 'churn.js:7:42' } } })
  })

  describe('output that is refused', () => {
    const TABLE: readonly (readonly [returned: string, problem: unknown])[] = [
      ['{ email: 1.5 }', 'a number with a fraction as the identifier email: give a string or a whole number'],
      ['{ email: 2 ** 60 }', 'a number beyond 2^53 as the identifier email: give a string or a whole number'],
      ['{ email: true }', 'a boolean as the identifier email: give a string or a whole number'],
      ["{ email: 'a', identifiers: { email: 'b' } }", 'two different values for the identifier email'],
      ["{ email: 'a', firstName: 'x' }", 'a profile with the field firstName: put data under dataFields'],
      ["{ email: 'a', dataFields: [] }", 'dataFields that are no object'],
      ["{ email: 'a', dataFields: { f: () => 1 } }", 'a function, which JSON cannot hold'],
      ["{ email: 'a', dataFields: { f: 1n } }", 'a bigint, which JSON cannot hold'],
      ["{ email: 'a', dataFields: { m: new Map([[1, 2]]) } }", 'a Map: use Object.fromEntries'],
      ["{ email: 'a', dataFields: { p: Promise.resolve(1) } }", 'a promise inside an action: await it'],
      ["{ email: 'a', dataFields: JSON.parse('{\"__proto__\":1}') }", 'a field named __proto__'],
      ["{ kind: 'membership', email: 'a' }", 'a membership without a list: give its name or its number'],
      [
        "{ kind: 'membership', list: 'l', email: 'a', member: 1 }",
        'a membership whose member is neither true nor false',
      ],
      [
        "{ eventName: 'e', email: 'a', createdAt: Date.now() + 1e12 }",
        'a createdAt in milliseconds: give seconds since 1970',
      ],
      [
        "{ eventName: 'order.purchased', email: 'a' }",
        "an event order.purchased without items and total: add them to make it a purchase, or say kind: 'event' to track it as an event of that name",
      ],
      [
        "{ eventName: 'cart.abandon', email: 'a' }",
        "an event cart.abandon without items: add it to make it a cart, or say kind: 'event' to track it as an event of that name",
      ],
      [
        "{ kind: 'addressChange', from: 'a', to: 'b' }",
        expect.stringContaining('an action of an unknown kind: the kinds are profile, event'),
      ],
      ["{ email: 'a', datafields: { a: 1 } }", 'a profile with the field datafields: perhaps dataFields'],
      ["{ identifier: { customer_id: 'a' } }", 'a profile with the field identifier: perhaps identifiers'],
      ["{ kind: 'membership', email: 'a', lists: 'l' }", 'a membership with the field lists: perhaps list'],
      ["{ kind: 'event', email: 'a', eventname: 'e' }", 'an event with the field eventname: perhaps eventName'],
      ['{}', 'an object without a field where an action should be'],
      ['(function* () { yield {} })()', 'an object without a field where an action should be'],
      ["[Promise.resolve({ email: 'a' })]", 'an object without a field where an action should be'],
      ["new Map([['email', 'a']])", 'an object without a field where an action should be'],
      [
        "{ kind: 'purchase', email: 'a', items: [], total: 1, coupn: 'x' }",
        expect.stringContaining('put data under dataFields'),
      ],
      [
        "{ kind: 'cart', email: 'a', items: [], dataFields: { a: 1 } }",
        'a cart with dataFields, which it cannot carry',
      ],
      ["{ kind: 'catalogItem', item: 'a' }", 'a catalogItem without a catalog and an item: give both as strings'],
      [
        "{ kind: 'subscription', email: 'a', emailListIds: [1] }",
        'a subscription with the field emailListIds, which it cannot carry',
      ],
      ["'a'", 'a string where an action should be'],
      ['[[]]', 'an array where an action should be'],
      ['(() => { const a = { }; a.a = a; return { dataFields: a } })()', 'an object that contains itself'],
    ]
    let fates: Transformed['rows'] = []
    beforeAll(async () => {
      const cases = TABLE.map(([returned]) => `() => (${returned})`).join(',\n')
      const source = `export default (row) => cases[row.n]()\nconst cases = [${cases}]`
      const made = await runProgram(
        source,
        Array.from(TABLE, (_, n) => ({ n })),
      )
      fates = made.rows
    })

    test.each(TABLE.map(([returned, problem], index) => [returned, problem, index] as const))(
      '%s',
      (_, problem, index) => {
        expect(fates[index]).toEqual({
          status: 'rejected',
          reason: { code: 'TRANSFORM_BAD_OUTPUT', facts: { problem, at: 'churn.js:1:16' } },
        })
      },
    )
  })

  test('kinds by what is returned', async () => {
    const source = `export default () => [
      { email: 'a', eventName: 'seen', id: 'x-1', createdAt: 1700000000, dataFields: { p: 1 } },
      { email: 'a', eventName: 'order.purchased', dataFields: { items: [{ id: 's' }], total: 9.5, coupon: 'c' } },
      { email: 'a', eventName: 'cart.abandon', items: [] },
      { kind: 'event', email: 'a', eventName: 'cart.abandon' },
      { kind: 'membership', list: 7, identifiers: { customer_id: 5 }, member: undefined },
      { kind: 'membership', list: 'l', identifiers: { customer_id: 5 }, member: null },
      { kind: 'catalogItem', catalog: 'shoes', item: 'a', dataFields: { stock: 1 } },
      { kind: 'subscription', email: 'a', unsubscribedChannelIds: [1] },
      { kind: 'forget', email: 'a' },
      { kind: 'delete', email: 'a' },
    ]`
    const made = await runProgram(source, [{}])
    expect(made.rows).toMatchObject([{ status: 'made' }])
    expect(actionsOf(made)).toEqual([
      {
        kind: 'event',
        identifiers: { email: 'a' },
        eventName: 'seen',
        id: 'x-1',
        createdAt: 1_700_000_000,
        dataFields: { p: 1 },
      },
      { kind: 'purchase', identifiers: { email: 'a' }, items: [{ id: 's' }], total: 9.5, dataFields: { coupon: 'c' } },
      { kind: 'cart', identifiers: { email: 'a' }, items: [] },
      { kind: 'event', identifiers: { email: 'a' }, eventName: 'cart.abandon' },
      { kind: 'membership', identifiers: { customer_id: '5' }, list: 7 },
      { kind: 'membership', identifiers: { customer_id: '5' }, list: 'l' },
      { kind: 'catalogItem', identifiers: {}, catalog: 'shoes', item: 'a', dataFields: { stock: 1 } },
      { kind: 'subscription', identifiers: { email: 'a' }, unsubscribedChannelIds: [1] },
      { kind: 'forget', identifiers: { email: 'a' } },
      { kind: 'delete', identifiers: { email: 'a' } },
    ])
  })

  test('output above the limit rejects its row alone, in bytes and not in characters', async () => {
    const source = "export default (row) => ({ email: 'a', dataFields: { t: row.t } })"
    const rows = ['x'.repeat(80), 'ö'.repeat(80), 'x'.repeat(101)].map((t) => ({ t }))
    const made = await runProgram(source, rows, { outputMaxBytes: 120 })
    expect(fatesOf(made)).toEqual([1, 'TRANSFORM_OUTPUT_TOO_LARGE', 'TRANSFORM_OUTPUT_TOO_LARGE'])
  })
})

describe('errors before the first row', () => {
  const message = async (source: string, options = {}): Promise<string> => {
    const transform = Transform.fromText(source, { name: 'churn.js', ...options })
    const error = await transform.prepare().then(
      () => new Error('prepared'),
      (thrown: LakeloopError) => thrown,
    )
    await transform.close()
    return error.message
  }

  test.each([
    [
      'export default (row) => ({ email: rwo.email })',
      'TRANSFORM_UNKNOWN_IDENTIFIER: churn.js:1:35: rwo is not defined. Correct the name: perhaps row.',
    ],
    [
      'export default (row) => fetch(row)',
      'TRANSFORM_ABSENT: churn.js:1:25: fetch is not there in a transform. A transform has no network: let the query, or the host, bring what the rows need.',
    ],
    [
      'export default (row) => {\n  return {{ }',
      'TRANSFORM_SYNTAX: churn.js:2:11: Unexpected token. Correct the transform.',
    ],
    [
      'import x from "y"\nexport default x',
      'TRANSFORM_PACKAGE_UNKNOWN: churn.js:1:1: there is no package y in the sandbox. Use one of docs/packages.md, or hand in a bundle of it with the option packages.',
    ],
    [
      'export default (row) => import("node:fs")',
      'TRANSFORM_FORBIDDEN_SYNTAX: churn.js:1:25: `import()` is not available in a transform. Remove it; a transform gets rows and returns actions.',
    ],
    [
      'const fs = require("fs"); export default (row) => fs',
      'TRANSFORM_ABSENT: churn.js:1:12: the module fs of Node is not there in a transform. A transform gets rows and returns actions, without files, network or processes: leave that to the host.',
    ],
    [
      'export default (row) => { with (row) { return email } }',
      'TRANSFORM_FORBIDDEN_SYNTAX: churn.js:1:27: `with` is not available in a transform. Remove it; a transform gets rows and returns actions.',
    ],
    [
      'await 1; export default (row) => row',
      'TRANSFORM_FORBIDDEN_SYNTAX: churn.js:1:1: `await` outside a function is not available in a transform. Remove it; a transform gets rows and returns actions.',
    ],
    [
      'export const a = 1',
      'TRANSFORM_NO_FUNCTION: churn.js has neither a default export nor a function send. Write `export default (row) => [...]` or `function send(payload) {...}`.',
    ],
    [
      'export default 5',
      'TRANSFORM_NO_FUNCTION: churn.js has neither a default export nor a function send. Write `export default (row) => [...]` or `function send(payload) {...}`.',
    ],
    [
      'const a = null.x; export default (row) => a',
      'TRANSFORM_THREW: churn.js:1:16: the transform threw TypeError. Mend the transform for rows of this kind.',
    ],
    ['let s = "secret-canary"; s s', 'TRANSFORM_SYNTAX: churn.js:1:28: Unexpected token. Correct the transform.'],
  ])('%s', async (source, expected) => {
    expect(await message(source)).toBe(expected)
  })

  test('a top level that does not end', async () => {
    expect(await message('for (;;);\nexport default (row) => row', { initTimeoutMs: 1_000 })).toBe(
      'TRANSFORM_INIT_TIMEOUT: churn.js:1:1: the transform did not load within 1000 ms. Move work out of the top level.',
    )
  })

  test('a file that is not there, at the first use and not before', async () => {
    const transform = Transform.fromFile('no/such.js')
    await expect(transform.prepare()).rejects.toThrow(
      'TRANSFORM_UNREADABLE: the transform no/such.js could not be read. Check the path and its permissions.',
    )
    await expect(transform.version()).rejects.toThrow('TRANSFORM_UNREADABLE')
    await transform.close()
  })

  test.each([
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ memoryMb: 1.5 }, 'memoryMb'],
    [{ sliceRows: 1e9 }, 'sliceRows'],
  ])('%j is refused at construction', (options, option) => {
    expect(() => Transform.fromText('', options)).toThrow(`OPTION_INVALID: Transform: option ${option}`)
  })
})

describe('same rows, same clock, same seed: same bytes [I9]', () => {
  const source = `export default (row, { now }) => [{ identifiers: { k: row.n }, dataFields: {
    r: Math.random(), d: Date.now(), n: new Date().getTime(), c: now, m: new Map([[row.n, 1]]).size } }]`
  const rows = Array.from({ length: 30 }, (_, n) => ({ n }))
  const bytes = async (options: object, seed: string): Promise<string[]> => {
    const { actions } = await runProgram(source, rows, { ...options, context: { now: 1e12, seed } })
    return rows.map((_, index) => text(actions.payload(index)))
  }

  test('twice, and however the rows are sliced', async () => {
    const first = await bytes({}, 's')
    expect(new Set(first).size).toBe(30)
    expect(first[0]).toContain('"d":1000000000000,"n":1000000000000,"c":1000000000000')
    expect(await bytes({}, 's')).toEqual(first)
    expect(await bytes({ sliceRows: 7 }, 's')).toEqual(first)
    expect(await bytes({}, 't')).not.toEqual(first)
  })

  test('what a program keeps at its top level is gone with the slice', async () => {
    const made = await runProgram('let n = 0\nexport default () => ({ identifiers: { k: ++n } })', [{}, {}, {}], {
      sliceRows: 2,
    })
    expect(actionsOf(made).map(({ identifiers }) => identifiers)).toEqual([{ k: '1' }, { k: '2' }, { k: '1' }])
  })
})

describe('equal to a plain call', () => {
  /** Programs as functions here, as text there. `omit` leaves nulls out of dataFields, as JSON of the rest. */
  const TABLE: readonly ((row: JsonObject) => { email: string; dataFields: Json })[] = [
    (row) => ({ email: 'a', dataFields: row }),
    (row) => ({ email: 'a', dataFields: { ...row, more: [row, { row }] } }),
    (row) => ({ email: 'a', dataFields: Object.fromEntries(Object.entries(row).reverse()) }),
    (row) => ({ email: 'a', dataFields: { keys: Object.keys(row).sort(), text: JSON.stringify(row) } }),
    (row) => ({
      email: 'a',
      dataFields: { values: Object.values(row).map((v) => (typeof v === 'string' ? v.toUpperCase() : v)) },
    }),
  ]
  const open: Transform[] = []
  beforeAll(() => {
    for (const plain of TABLE) open.push(Transform.fromText(`export default ${plain.toString()}`))
  })
  afterAll(async () => {
    await Promise.all(open.map((transform) => transform.close()))
  })

  const withoutNulls = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(withoutNulls)
    if (typeof value !== 'object' || value === null) return value
    const kept = Object.entries(value).filter(([, held]) => held !== null)
    return Object.fromEntries(kept.map(([name, held]) => [name, withoutNulls(held)]))
  }
  const value = fc.jsonValue({ maxDepth: 3 }).filter((json) => !JSON.stringify(json).includes('__proto__'))
  const row = fc.dictionary(
    fc.string().filter((name) => name !== '__proto__'),
    value,
    { noNullPrototype: true },
  )

  test('random rows through a table of programs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), fc.nat(TABLE.length - 1), async (rows, pick) => {
        const exact = JSON.parse(JSON.stringify(rows)) as JsonObject[]
        const made = await (open[pick] as Transform).run({ rows: rowBlock(exact) }, { now: 0 })
        const plain = TABLE[pick] as (typeof TABLE)[number]
        expect(fatesOf(made)).toEqual(exact.map(() => 1))
        for (const [index, one] of exact.entries()) {
          expect(text(made.actions.payload(index))).toBe(JSON.stringify(withoutNulls(plain(one).dataFields)))
        }
      }),
      { numRuns: Number(process.env.LAW_RUNS ?? 100) },
    )
  })
})
