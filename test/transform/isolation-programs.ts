import type { RowBlockOptions } from '../../src/model/row.js'
import type { JsonObject } from '../../src/model/value.js'
import type { RunContext, TransformOptions } from '../../src/transform/transform.js'

/** What is run in every isolation, and has to end alike. */
export interface Case extends TransformOptions, RowBlockOptions {
  readonly name: string
  readonly source: string
  readonly rows?: readonly JsonObject[]
  readonly context?: RunContext
  /** What its rows become: how many actions, or a code; a code alone where the call itself throws. */
  readonly ends: readonly (number | string)[] | string
}

const ROWS: readonly JsonObject[] = [
  {
    n: 0,
    id: 'a-1',
    email: 'ada@example.com',
    tags: ['x', null, { y: [1.5, -0, 1e21] }],
    note: 'Zoë 💚 \u2028 <!-- -->',
  },
  { n: 1, id: 17, email: null, tags: [], note: '' },
  { n: 2, id: 'a-3', email: 'eve@example.com', tags: {}, note: '\ud800 lone' },
]
const three = (body: string): string => `export default (row, ctx) => { ${body} }`

export const CASES: readonly Case[] = [
  {
    name: 'rows as they are',
    source: three('return { identifiers: { id: row.id }, dataFields: row }'),
    ends: [1, 1, 1],
  },
  {
    name: 'the form send',
    source:
      'async function send({ events }, headers) { return events.map(({ id, ...rest }) => ({ userId: id, dataFields: { rest, headers } })) }',
    ends: [1, 1, 1],
  },
  {
    name: 'several actions, of several kinds',
    source: three(`return [
      { email: row.email, dataFields: row },
      { kind: 'membership', list: 'l', identifiers: { id: row.id }, member: row.n > 0 },
      row.n === 1 && { eventName: 'seen', email: 'x', createdAt: 1700000000, dataFields: { tags: row.tags } }]`),
    ends: [2, 3, 2],
  },
  {
    name: 'throws of every sort',
    source: three(
      "if (row.n === 0) null.x\n if (row.n === 1) throw new RangeError(row.note)\n class Mine extends Error {}; throw Object.assign(new Mine(), { name: 'Mine' })",
    ),
    ends: ['TRANSFORM_THREW', 'TRANSFORM_THREW', 'TRANSFORM_THREW'],
  },
  {
    name: 'throws that are no errors, and errors that lie',
    source: three(
      "if (row.n === 0) throw null\n if (row.n === 1) throw Symbol('x')\n throw { get stack() { throw 1 }, get name() { throw 2 } }",
    ),
    ends: ['TRANSFORM_THREW', 'TRANSFORM_THREW', 'TRANSFORM_THREW'],
  },
  {
    name: 'a stack that runs over',
    source: three('const f = () => f() + 1; return f()'),
    ends: ['TRANSFORM_THREW', 'TRANSFORM_THREW', 'TRANSFORM_THREW'],
  },
  {
    name: 'skips and nothing',
    source: three("return row.n === 0 ? ctx.skip('no consent') : row.n === 1 ? ctx.skip(row.note) : null"),
    ends: ['TRANSFORM_SKIPPED', 'TRANSFORM_SKIPPED', 'TRANSFORM_NO_ACTION'],
  },
  {
    name: 'logs, more than are kept',
    source: three(
      "for (let i = 0; i < 60; i += 1) console[i % 2 ? 'warn' : 'log'](i, row, [undefined, 1n], new Error(row.note), 'x'.repeat(600))",
    ),
    ends: ['TRANSFORM_NO_ACTION', 'TRANSFORM_NO_ACTION', 'TRANSFORM_NO_ACTION'],
  },
  {
    name: 'numbers that JSON does not have',
    source: three(
      'return { email: "a", dataFields: { a: NaN, b: -Infinity, c: [NaN, -0], d: new Date(NaN), e: null } }',
    ),
    context: { nulls: 'remove' },
    ends: [1, 1, 1],
  },
  {
    name: 'random numbers, by seed and row',
    source: `const top = Math.random()\n${three('return { email: "a", dataFields: { top, all: Array.from({ length: 5 }, Math.random) } }')}`,
    context: { seed: 'a seed' },
    sliceRows: 2,
    ends: [1, 1, 1],
  },
  {
    name: 'the present',
    source: `const loaded = new Date()\n${three('return { email: "a", dataFields: { loaded, now: ctx.now, date: Date(), other: new Date(), ms: Date.now() } }')}`,
    context: { now: Date.UTC(2026, 2, 29, 1, 30) },
    ends: [1, 1, 1],
  },
  {
    name: 'dates in local time, which is UTC',
    source: three(`const d = new Date(2026, 2, 29 + row.n * 100, 2, 30)
      d.setHours(d.getHours() + 1)
      return { email: 'a', dataFields: {
        text: String(d), day: d.toDateString(), time: d.toTimeString(), locale: d.toLocaleString(), json: d,
        parts: [d.getFullYear(), d.getMonth(), d.getDate(), d.getDay(), d.getHours(), d.getTimezoneOffset(), d.getYear()],
        parsed: ['2026-03-29T02:30', '2026-03-29', 'Mar 29 2026 02:30', 'Sun, 29 Mar 2026 02:30:00 +0200'].map(Date.parse),
        own: new d.constructor('2026-03-29T02:30').getTime(), sum: d + 1, less: d - 1 } }`),
    ends: [1, 1, 1],
  },
  {
    name: 'rows that the source refused',
    source: three('console.log(row.n); return { identifiers: { id: row.id } }'),
    refused: new Map([[1, { code: 'VALUE_NOT_EXACT', facts: { column: 'n' } }]]),
    ends: [1, 'VALUE_NOT_EXACT', 1],
  },
  {
    name: 'promises that never settle, or that were dropped',
    source: `export default async (row) => {
      const drop = async () => { await null; throw new Error(row.note) }
      void drop(); Promise.reject(1); Promise.resolve().then(() => { throw 2 }); Promise.all([Promise.reject(3)])
      if (row.n === 1) await new Promise(() => {})
      return { email: 'a' }
    }`,
    ends: [1, 'TRANSFORM_NEVER_SETTLES', 1],
  },
  {
    name: 'thenables',
    source: three(
      "return row.n === 0 ? { then() {} } : row.n === 1 ? { then(done) { done({ email: 'a' }) } } : { then(_, fail) { fail(new TypeError()) } }",
    ),
    ends: ['TRANSFORM_NEVER_SETTLES', 1, 'TRANSFORM_THREW'],
  },
  {
    name: 'outputs that are none',
    source: three(
      "return row.n === 0 ? { email: 1.5 } : row.n === 1 ? { email: 'a', dataFields: { f: new Map() } } : { email: 'a', dataFields: JSON.parse('{\"__proto__\":1}') }",
    ),
    ends: ['TRANSFORM_BAD_OUTPUT', 'TRANSFORM_BAD_OUTPUT', 'TRANSFORM_BAD_OUTPUT'],
  },
  {
    name: 'outputs nested too deep',
    source: three('let d = {}; for (let i = 0; i < 1e5; i += 1) d = { d }; return { email: "a", dataFields: d }'),
    ends: ['TRANSFORM_BAD_OUTPUT', 'TRANSFORM_BAD_OUTPUT', 'TRANSFORM_BAD_OUTPUT'],
  },
  {
    name: 'outputs that are too large',
    source: three("return { email: 'a', dataFields: { t: ['x', 'ö', '💚'][row.n].repeat(80) } }"),
    outputMaxBytes: 120,
    ends: [1, 'TRANSFORM_OUTPUT_TOO_LARGE', 'TRANSFORM_OUTPUT_TOO_LARGE'],
  },
  {
    name: 'a row that does not end',
    source: three('if (row.n === 1) for (;;); return { identifiers: { id: row.id } }'),
    timeoutMs: 500,
    ends: [1, 'TRANSFORM_TIMEOUT', 1],
  },
  {
    name: 'rows that do not end in a promise, a getter, a dropped promise',
    source: `const spin = async () => { for (;;) await null }
      export default (row) => row.n === 0 ? spin() : row.n === 1 ? { get email() { for (;;); } } : (spin(), { email: 'a' })`,
    timeoutMs: 500,
    ends: ['TRANSFORM_TIMEOUT', 'TRANSFORM_TIMEOUT', 'TRANSFORM_TIMEOUT'],
  },
  {
    name: 'what is shared is not to be spoiled',
    source: three(
      'if (row.n === 0) Object.prototype.x = 1\n if (row.n === 1) globalThis.x = 1\n return { email: typeof process + typeof setTimeout + typeof Uint8Array }',
    ),
    ends: ['TRANSFORM_THREW', 'TRANSFORM_THREW', 1],
  },
  { name: 'no rows', source: three('return null'), rows: [], ends: [] },
  {
    name: 'a stop that comes too often',
    source: three('for (;;);'),
    rows: Array.from({ length: 21 }, (_, n) => ({ n })),
    timeoutMs: 20,
    ends: 'TRANSFORM_KILLS_SPENT',
  },
  {
    name: 'a top level that does not end',
    source: 'for (;;);\nexport default (row) => row',
    initTimeoutMs: 600,
    ends: 'TRANSFORM_INIT_TIMEOUT',
  },
  { name: 'a top level that throws', source: 'null.x\nexport default (row) => row', ends: 'TRANSFORM_THREW' },
  {
    name: 'a name that is not there',
    source: three('return { email: rwo.email }'),
    ends: 'TRANSFORM_UNKNOWN_IDENTIFIER',
  },
  { name: 'text that is no program', source: 'export default (row) => {', ends: 'TRANSFORM_SYNTAX' },
].map((one) => ({ rows: ROWS, ...one }) as Case)
