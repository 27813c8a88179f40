import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { GLOBAL_NAMES } from '../../src/transform/child/globals.js'
import { rowTypes } from '../../src/transform/declared/row-types.js'
import { SANDBOX_OPTIONS } from '../../src/transform/declared/sandbox-text.js'
import { problemsIn } from '../transform/compiled.js'
import { runProgram } from '../transform/programs.js'

const PAGE = rowTypes({
  columns: [
    { name: 'user_id', type: 'string', nullable: false },
    { name: 'email', type: 'string', nullable: true },
    { name: 'score', type: 'double', nullable: false },
    { name: 'address', type: 'struct<city:string,since:date>', nullable: true },
  ],
})

/** What a program returns, as its own text: the sandbox and the compiler are asked about the same. */
const TAKEN = [
  'undefined',
  'null',
  'false',
  '[]',
  '[false, null, undefined]',
  "{ email: 'a', userId: 7, identifiers: { customer_id: 'c', phone: null }, dataFields: { a: 1, b: null, c: [1, { d: true }], e: undefined } }",
  "{ kind: 'profile', email: null, dataFields: null }",
  "{ kind: null, dataFields: { at: new Date(0), money: { toJSON: () => '1.20' } } }",
  "[{ email: 'a' }, { kind: 'membership', list: 7, email: 'a' }]",
  "{ eventName: 'seen', id: 'e-1', createdAt: 1700000000, dataFields: {} }",
  "{ kind: 'event', eventName: 'order.purchased' }",
  "{ eventName: 'order.purchased', items: [{ id: '1', name: 'a', price: 1, quantity: 1 }], total: 3, campaignId: 4 }",
  "{ eventName: 'order.purchased', dataFields: { items: [{ id: '1', name: 'a', price: 1, quantity: 1 }], total: 3 } }",
  "{ eventName: 'cart.abandon', items: [] }",
  "{ kind: 'purchase', items: [], total: 0, id: 'p', createdAt: null, campaignId: 1, templateId: 2, dataFields: {} }",
  "{ kind: 'cart', items: [{ id: '1', name: 'a', price: 1, quantity: 1, categories: ['x'], dataFields: { a: 1 } }] }",
  "{ kind: 'catalogItem', catalog: 'c', item: 'i', dataFields: { a: 1 } }",
  "{ kind: 'catalogItem', catalog: 'c', item: 'i', remove: true }",
  "{ kind: 'membership', list: 'a', member: null }",
  "{ kind: 'membership', list: 'a', member: false, identifiers: { customer_id: 1 } }",
  "{ kind: 'subscription', email: 'a', unsubscribedChannelIds: [1], unsubscribedMessageTypeIds: [], subscribedMessageTypeIds: null }",
  "{ kind: 'forget', email: 'a' }",
  "{ kind: 'delete', userId: 'a' }",
]
const REFUSED = [
  'true',
  '7',
  "'text'",
  '[[]]',
  "['text']",
  '() => 1',
  '{ email: true }',
  '{ userId: 1n }',
  '{ identifiers: { a: [1] } }',
  "{ identifiers: 'a' }",
  "{ dataFields: 'a' }",
  '{ dataFields: [] }',
  '{ dataFields: { a: () => 1 } }',
  '{ dataFields: { a: 1n } }',
  '{ dataFields: { a: new Map() } }',
  '{ dataFields: { a: new Set() } }',
  '{ dataFields: { a: Promise.resolve(1) } }',
  '{ score: 1 }',
  "{ kind: 'profil' }",
  "{ kind: 'addressChange', from: 'a', to: 'b' }",
  "{ kind: 'profile', list: 'a' }",
  "{ kind: 'event' }",
  "{ kind: 'event', eventName: 7 }",
  "{ eventName: 'a', id: 7 }",
  "{ eventName: 'a', createdAt: '2026' }",
  "{ kind: 'membership' }",
  "{ kind: 'membership', list: 'a', member: 1 }",
  "{ kind: 'membership', list: 'a', dataFields: { a: 1 } }",
  "{ kind: 'purchase', items: [] }",
  "{ kind: 'purchase', items: 'a', total: 1 }",
  "{ kind: 'purchase', items: [], total: '1' }",
  "{ kind: 'cart', items: [1] }",
  "{ kind: 'cart', items: [], dataFields: { a: 1 } }",
  "{ kind: 'cart' }",
  "{ kind: 'catalogItem', catalog: 'c' }",
  "{ kind: 'catalogItem', catalog: 'c', item: 7 }",
  "{ kind: 'subscription', channels: [1] }",
  "{ kind: 'subscription', dataFields: { a: 1 } }",
  "{ kind: 'forget', dataFields: { a: 1 } }",
  "{ kind: 'delete', reason: 'a' }",
]
/** What no type of TypeScript can tell. */
const REFUSED_LATER = [
  '{}',
  "{ eventName: 'order.purchased' }",
  "{ eventName: 'cart.abandon', dataFields: {} }",
  "{ eventName: '' , kind: 'event' }",
  '{ userId: 1.5 }',
  "{ eventName: 'a', createdAt: 1.7e12 }",
  "{ email: 'a', identifiers: { email: 'b' } }",
]

describe('the actions of a page of row types', () => {
  const all = [...TAKEN, ...REFUSED, ...REFUSED_LATER]

  test('are those that the sandbox takes', async () => {
    const program = `export default (row) => [\n${all.map((text) => `() => (${text})`).join(',\n')}\n][row.n]()\n`
    const { rows } = await runProgram(
      program,
      all.map((_, n) => ({ n })),
    )
    const refused = all.filter((_, n) => rows[n]?.status === 'rejected')
    expect(refused).toEqual([...REFUSED, ...REFUSED_LATER])
  })

  test('are those that the compiler takes', () => {
    const lines = all.map((text, n) => `export const r${n}: Result = ${text}`)
    const found = problemsIn({
      'a.row.d.ts': PAGE,
      'a.ts': ["import type { Result } from './a.row'", ...lines].join('\n'),
    })
    const wrong = new Set(found.map((problem) => Number(/^a\.ts:(\d+) /.exec(problem)?.[1]) - 2))
    expect(all.filter((_, n) => wrong.has(n))).toEqual(REFUSED)
  })

  test('are those of the model, but for the one that identity makes', () => {
    const model = ['action', 'identifier', 'value'].map((name) => [
      `model/${name}.ts`,
      readFileSync(join(import.meta.dirname, `../../src/model/${name}.ts`), 'utf8'),
    ])
    const program = [
      "import type { Action, CommerceItem } from './a.row'",
      "import type * as model from './model/action'",
      "type Made = Exclude<model.Action, { kind: 'addressChange' }>",
      'type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never',
      'export const made = (action: Made): Action => action',
      "export const kinds: Same<Made['kind'], NonNullable<Action['kind']>> = true",
      'export const items: Same<keyof CommerceItem, keyof model.CommerceItem> = true',
    ]
    const pages = { ...Object.fromEntries(model), 'a.row.d.ts': PAGE }
    expect(problemsIn({ ...pages, 'a.ts': program.join('\n') })).toEqual([])
    const without = PAGE.replace('  | Forget\n', '')
    expect(problemsIn({ ...pages, 'a.row.d.ts': without, 'a.ts': program.join('\n') })).toHaveLength(2)
  })
})

const BODY = `
  if (row.email === null) return skip('no address')
  if (row.score === undefined) return skip(row, 'no score')
  return [
    { kind: 'profile', identifiers: { customer_id: row.user_id }, dataFields: { ...row, city: row.address?.city, at: new Date(now) } },
    row.score > 0.7 && { kind: 'membership', list: 'at-risk', email: row.email },
  ]
`

/** Each form of a program, as it names its row type. */
const FORMS: Readonly<Record<string, (body: string) => string>> = {
  'a.js, an arrow': (body) =>
    `/** @type {import('./a.row').Transform} */\nexport default (row, { now, skip }) => {${body}}\n`,
  'a.js, a function': (body) =>
    `/** @type {import('./a.row').Transform} */\nexport default async function (row, { now, skip }) {${body}}\n`,
  'a.js, by its name': (body) =>
    `/** @type {import('./a.row.js').Transform} */\nconst make = (row, { now, skip }) => {${body}}\nexport default make\n`,
  'a.ts, satisfies': (body) =>
    `import type { Transform } from './a.row'\nexport default ((row, { now, skip }) => {${body}}) satisfies Transform\n`,
  'a.ts, by its name': (body) =>
    `import type { Transform } from './a.row.js'\nconst make: Transform = (row, { now, skip }) => {${body}}\nexport default make\n`,
  'a.ts, word for word': (body) =>
    `import type { Context, Result, Row } from './a.row.d.ts'\nexport default function (row: Row, { now, skip }: Context): Result {${body}}\n`,
}

describe.each(Object.entries(FORMS))('a program in %s', (form, written) => {
  const compiled = (body: string) => problemsIn({ 'a.row.d.ts': PAGE, [form.slice(0, 4)]: written(body) })

  test('compiles', () => {
    expect(compiled(BODY)).toEqual([])
  })

  test.each([
    [
      'a column that is not there',
      'row.email ===',
      'row.emial ===',
      "'emial' does not exist on type 'Row'. Did you mean 'email'?",
    ],
    ['a field that is not there', 'address?.city', 'address?.town', "'town' does not exist on type"],
    ['NULL that was not thought of', 'address?.city', 'address.city', "'row.address' is possibly 'null'"],
    [
      'a value that may be left out',
      "if (row.score === undefined) return skip(row, 'no score')",
      '',
      "'row.score' is possibly 'undefined'",
    ],
    ['a kind that is not there', "'membership'", "'member'", '"member"'],
    [
      'a name that is not in the sandbox',
      'new Date(now)',
      'process.hrtime()',
      "'hrtime' does not exist on type 'NotInTheSandbox'",
    ],
  ])('is told of %s', (_what, right, wrong, said) => {
    expect(BODY).toContain(right)
    const found = compiled(BODY.replace(right, wrong))
    expect(found.join('\n')).toContain(said)
    expect(found.join('\n')).not.toContain('.d.ts')
  })
})

test('the other form is told of them too', () => {
  const program = (column: string) =>
    `/** @type {import('./a.row').Send} */\nasync function send(payload, headers) {\n  return payload.events.map((row) => ({ email: row.${column}, userId: headers.id }))\n}\n`
  const files = (column: string) => ({ 'a.row.d.ts': PAGE, 'a.js': program(column) })
  expect(problemsIn(files('email'))).toEqual([])
  expect(problemsIn(files('emial'))).toEqual([
    expect.stringContaining("'emial' does not exist on type 'Row'. Did you mean 'email'?"),
  ])
})

test('a program that gets all rows at once names the row of each action, for the compiler as for the sandbox', async () => {
  const program = (from: string) =>
    `/** @type {import('./a.row').BatchTransform} */\nexport default (rows, { skip }) => rows.map((row) => (row.score === 0 ? skip(row) : { ${from}email: row.email }))\n`
  const files = (from: string) => ({ 'a.row.d.ts': PAGE, 'a.js': program(from) })
  expect(problemsIn(files('from: row, '))).toEqual([])
  for (const wrong of ['', 'from: 1, ', 'from: row.email, ']) expect(problemsIn(files(wrong))).toHaveLength(1)
  const ends = async (from: string) =>
    (
      await runProgram(
        program(from),
        [
          { email: 'a', score: 1 },
          { email: 'b', score: 0 },
        ],
        { batch: true },
      )
    ).rows.map(({ status }) => status)
  expect(await ends('from: row, ')).toEqual(['made', 'filtered'])
  expect(await ends('')).toEqual(['rejected', 'filtered'])
})

test('a program has the helpers of spark, with their types', () => {
  const program = (use: string) =>
    `/** @type {import('./a.row').Transform} */\nexport default (row, { spark }) => ({ dataFields: { a: ${use} } })\n`
  const files = (use: string) => ({ 'a.row.d.ts': PAGE, 'a.js': program(use) })
  for (const use of [
    'spark.flatten(row.address)',
    "spark.coerce.integer(row.score, { onFail: 'null' })",
    'spark.cents(row.user_id)',
  ]) {
    expect([use, problemsIn(files(use), { skipLibCheck: false })]).toEqual([use, []])
  }
  for (const use of [
    'spark.flaten(row.address)',
    'spark.flatten(row.user_id)',
    "spark.coerce.integer(row.score, { onFial: 'null' })",
  ]) {
    expect([use, problemsIn(files(use)).length]).toEqual([use, 1])
  }
})

describe('the names of the sandbox', () => {
  test('are there for the compiler', () => {
    const used = [...GLOBAL_NAMES].map((name) => `void ${name}`)
    expect(problemsIn({ 'a.js': `${used.join('\n')}\nconsole.warn('a', 1)\n` })).toEqual([])
  })

  test.each([
    'process.env',
    "fetch('x')",
    'setTimeout(() => 1)',
    'Buffer.from([])',
    "new URL('x')",
    'structuredClone({})',
    'window.name',
    'performance.now()',
    'crypto.randomUUID()',
    'console.table([])',
  ])('do not have %s', (used) => {
    expect(problemsIn({ 'a.js': `export const a = ${used}\n` })).toHaveLength(1)
    expect([...GLOBAL_NAMES].filter((name) => name !== 'console')).not.toContain(
      /\w+/.exec(used.replace('new ', ''))?.[0],
    )
  })
})

describe('docs/transform.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/transform.md'), 'utf8')
  const blocks = [...text.matchAll(/^```(js|typescript|json)\n([\s\S]*?)^```$/gm)].map(([, kind = '', code = '']) => ({
    kind,
    code,
  }))

  test('shows programs that compile against their row types', () => {
    const programs = blocks.filter(({ code }) => code.includes('./churn.row'))
    expect(programs).toHaveLength(3)
    const columns = ['email', 'account_tier'].map((name) => ({ name, type: 'string', nullable: true }))
    const page = rowTypes({ columns: [...columns, { name: 'churn_risk_score', type: 'double', nullable: true }] })
    const pages = programs.map(({ kind, code }, n) => [`p${n}.${kind === 'js' ? 'js' : 'ts'}`, code])
    expect(problemsIn({ 'churn.row.d.ts': page, ...Object.fromEntries(pages) })).toEqual([])
  })

  test('shows the settings that programs are checked with', () => {
    const [settings, ...others] = blocks.filter(({ kind }) => kind === 'json')
    expect(others).toEqual([])
    expect(JSON.parse(settings?.code ?? '')).toEqual({ compilerOptions: SANDBOX_OPTIONS })
  })
})
