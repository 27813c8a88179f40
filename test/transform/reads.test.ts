import { describe, expect, test } from 'vitest'
import { findEntry } from '../../src/transform/child/entry.js'
import { moduleOf } from '../../src/transform/child/module.js'
import { Reads } from '../../src/transform/child/reads.js'

function readsOf(source: string, batch = false): { columns: string[]; all: boolean } {
  const { parsed, scopes, exports } = moduleOf({ id: 't.js', source, links: {} })
  const entry = findEntry('t.js', parsed, exports)
  const { reads, readsAll } = new Reads(parsed, scopes).of(entry.node, entry.form, batch)
  return { columns: reads.map(({ column }) => column), all: readsAll }
}

describe('columns that are seen', () => {
  test.each([
    ['export default (row) => ({ a: row.a, b: row["b"], c: row?.c?.d, d: row[`e`] })', ['a', 'b', 'c', 'e']],
    ['export default ({ a, b: x, c = 1, ["d"]: y }) => [a, x, c, y]', ['a', 'b', 'c', 'd']],
    ['export default (row) => { const { a } = row; let r = row; return r.b + a }', ['a', 'b']],
    ['export default function (row = {}) { return pick(row) }\nfunction pick({ a }) { return a }', ['a']],
    ['export default (row, { skip }) => (row.a ? row.b : skip(row, "no"))', ['a', 'b']],
    ['export default (row) => { let a, b; a = b = row; return a.x + b.y }', ['x', 'y']],
    ['export default (row) => { let b; return (b = row).x }', ['x']],
    ['export default (row) => { row.level = 1; return row.a }', ['a']],
    ['export default (row, { skip: leave }) => leave(row)', []],
    ['export default (row, context) => (row.a ? context.skip(row) : null)', ['a']],
    ['const pick = (n, r) => r.a\nexport default (row) => pick(1, row)', ['a']],
    ['export default (row) => { if (!row || row === null) return null; return "a" in row }', ['a']],
    ['export default (row) => { const f = () => row.inner; return f() }', ['inner']],
    ['export default (row) => { const row2 = row ?? {}; return row2.a }', ['a']],
    ['export default (row) => { { const row = { hidden: 1 }; row.hidden } return row.seen }', ['seen']],
    ['function send(payload) { return payload.events.map(row => row.a) }', ['a']],
    ['function send({ events }) { return events.filter(r => r.a).map(({ b }) => b) }', ['a', 'b']],
    ['function send(p) { const out = []; for (const row of p.events) out.push({ x: row.a }); return out }', ['a']],
    ['function send(p) { return p.events[0].a + p["events"].length }', ['a']],
    ['function send(p) { const [row] = p.events; return row.a }', ['a']],
    ['function send(p) { return p.events.map(one) }\nconst one = (row) => row.a', ['a']],
    ['const send = async (p) => { const { events } = p; events.forEach((r) => r.a) }', ['a']],
    ['export default (row) => again(row, 0)\nfunction again(r, n) { return n > 2 ? r.a : again(r, n + 1) }', ['a']],
  ])('%s', (source, columns) => {
    expect(readsOf(source)).toEqual({ columns, all: false })
  })
})

describe('a row that goes out of sight means every column', () => {
  test.each([
    'export default (row) => ({ ...row })',
    'export default (row) => row',
    'export default (row, { name }) => row[name]',
    'export default ({ a, ...rest }) => rest',
    'export default (row) => Object.keys(row)',
    'export default (row) => [row].map((r) => r.a)',
    'export default (row) => { const { [row.a]: b } = row; return b }',
    'export default function () { return arguments[0].a }',
    'export default (...all) => all[0].a',
    'const wrap = (f) => f\nexport default wrap((row) => row.a)',
    'let pick = (r) => r.a\nexport default (row) => pick(row)',
    'export default (row) => { globalThis.row = row }',
    'function send(payload) { return payload.events.map((row, i, all) => all[i].a) }',
    'function send(payload) { return payload.events.reduce((sum, row) => sum + row.a, 0) }',
    'function send(payload) { return JSON.stringify(payload) }',
    'function send({ events, ...rest }) { return rest }',
    'export default (row) => { for (const name in row) return name }',
    'export default (row) => `$' + '{row}`',
    'export default (row) => (true ? row : null).a',
    'export default (row) => (0, row).a',
    'function pick(r) { return r.a }\npick = (r) => r.secret\nexport default (row) => pick(row)',
    'export default (row) => { function g(r) { return r.a } function g(r) { return r.secret } return g(row) }',
    'const f = (a, b, c) => c.secret\nexport default (row) => f(...[1, 2], row)',
    'export default (row) => row.method()',
    'export default (row, { skip }) => { skip = (r) => r.a; skip(row) }',
    'export default (row, { spark }) => spark(row)',
  ])('%s', (source) => {
    expect(readsOf(source).all).toBe(true)
  })
})

describe('in a batch', () => {
  test.each([
    ['export default (rows) => rows.map((row) => ({ from: row, x: row.a }))', ['a'], false],
    [
      'export default (rows) => { return rows.flatMap((row) => [row.b && { from: row, x: row.a }]) }',
      ['a', 'b'],
      false,
    ],
    ['function send({ events }) { return events.map((row) => { return { from: row, x: row.a } }) }', ['a'], false],
    ['export default (rows) => rows.map((row) => ({ from: row })).map((one) => one.from.secret)', [], true],
    ['export default (rows) => rows.map((row) => { const one = { from: row }; return one.from.secret })', [], true],
  ])('%s', (source, columns, all) => {
    const found = readsOf(source, true)
    expect([found.columns.sort(), found.all]).toEqual([columns, all])
  })
})
