import fc from 'fast-check'
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

describe('what the program has written itself is not counted', () => {
  test.each([
    ['export default (row) => { row.x = 1; return row.x }', []],
    ['export default (row) => { row.x = row.y; { if (row.x) return { x: row.x } } }', ['y']],
    ['export default (row) => { row = { x: 1 }; return row.x }', []],
    ['export default (row) => { if (row.a) { row = []; return row.length } return row.b }', ['a', 'b']],
    ['export default (row) => { delete row.x; return row.a }', ['a']],
    ['function send(p) { for (const row of p.events) { row.x = 1; if (row.x) return row.y } }', ['y']],
    ['const row = { mine: 1 }\nexport default (r) => r.a + row.mine', ['a']],
    ['export default (row) => { const f = (row) => row.mine; return f({ mine: row.a }) }', ['a']],
  ])('%s', (source, columns) => {
    expect(readsOf(source)).toEqual({ columns, all: false })
  })

  test.each([
    ['before', 'export default (row) => { const x = row.x; row.x = 1; return x }'],
    ['in what is written', 'export default (row) => { row.x = row.x + 1; return row }'],
    ['where it is written perhaps', 'export default (row) => { if (row.a) row.x = 1; return row.x }'],
    ['in another branch', 'export default (row) => { if (row.a) { row.x = 1 } else { return row.x } }'],
    ['where writing it failed', 'export default (row) => { try { row.x = null.y } catch { return row.x } }'],
    [
      'in a turn of a loop before',
      'export default (row) => { for (const n of [1, 2]) { if (n > 1) { row.x = 1 } row.x } }',
    ],
    [
      'in a function that runs before',
      'export default (row) => { const y = f(); row.x = 1; return y\nfunction f() { return row.x } }',
    ],
    ['of another object by then', 'export default (row, c) => { row.x = 1; row = c.row ?? row; return row.x }'],
    [
      'of another row by then',
      'function send(p) { for (let row of p.events) { row.x = 1; row = p.events[1]; row.x } }',
    ],
    ['of another row before', 'function send(p) { let row = p.events[0]; row = {}; row = p.events[1]; return row.x }'],
    ['where it is written only if it is not there', 'export default (row) => { row.x ??= 1; return row.a }'],
    [
      'of a variable that is declared twice',
      'function send(p) { f(p.events[0])\nfunction f(row) { row.x = 1; var row = p.events[1]; row.x } }',
    ],
  ])('but what is read %s is', (_, source) => {
    const { columns, all } = readsOf(source)
    expect(all || columns.includes('x')).toBe(true)
  })

  /** Statements over `row`, a second name of it, and functions; each may read and write columns. */
  const COLUMN = fc.constantFrom('a', 'b', 'c')
  const NAME = fc.constantFrom('row', 'other')
  const reading = fc.tuple(NAME, COLUMN).map(([name, column]) => `out(${name}.${column})`)
  const { program } = fc.letrec<{ program: string; statement: string }>((tie) => ({
    program: fc.array(tie('statement'), { maxLength: 5 }).map((all) => all.join('\n')),
    statement: fc.oneof(
      { depthSize: 'small' },
      reading,
      fc.tuple(NAME, COLUMN).map(([name, column]) => `${name}.${column} = 1`),
      fc.tuple(NAME, COLUMN, COLUMN).map(([name, to, from]) => `${name}.${to} = ${name}.${from}`),
      NAME.map((name) => `${name} = { a: 1 }`),
      fc.constant('other = row'),
      fc.tuple(NAME, COLUMN).map(([name, column]) => `delete ${name}.${column}`),
      fc.constant('run()'),
      fc.constant('if (step()) break'),
      tie('program').map((inner) => `{ ${inner} }`),
      tie('program').map((inner) => `if (step()) { ${inner} }`),
      tie('program').map((inner) => `for (let n = 0; n < 2; n += 1) { ${inner} }`),
      tie('program').map((inner) => `try { ${inner}; if (step()) throw 0; ${inner} } catch { ${inner} }`),
      tie('program').map((inner) => `later = () => { for (;;) { ${inner}\n break } }`),
    ),
  }))

  test('never is a column missing that was read', () => {
    let refined = 0
    fc.assert(
      fc.property(
        program,
        program,
        fc.array(fc.boolean(), { maxLength: 20 }),
        fc.boolean(),
        (body, inner, steps, isConstant) => {
          const text = `{ ${isConstant ? 'const' : 'let'} other = row
          let later = () => undefined
          const run = () => { step(); later() }
          const once = () => { for (;;) { ${inner}\n break } }
          once()
          for (;;) { ${body}\n break }
          once()
        }`
          const read = new Set<string>()
          const written = new Set<string | symbol>()
          const row = new Proxy<Record<string, number>>(
            { a: 1, b: 1, c: 1 },
            {
              get: (target, name) => {
                if (typeof name === 'string' && !written.has(name)) read.add(name)
                return Reflect.get(target, name)
              },
              set: (target, name, value) => written.add(name) && Reflect.set(target, name, value),
              deleteProperty: (target, name) => written.add(name) && Reflect.deleteProperty(target, name),
            },
          )
          let depth = 0
          const step = (): boolean => {
            depth += 1
            if (depth > 100) throw new RangeError('enough')
            return steps[depth % (steps.length + 1)] ?? false
          }
          try {
            new Function('row', 'step', 'out', text)(row, step, () => undefined)
          } catch {
            // a name that is constant, a function that calls itself: what was read until then was read
          }
          const { columns, all } = readsOf(`const step = () => 1, out = () => 1\nexport default (row) => ${text}`)
          if (!all && columns.length < 3) refined += 1
          if (!all) expect([text, [...read].filter((column) => !columns.includes(column))]).toEqual([text, []])
        },
      ),
      { numRuns: Number(process.env.LAW_RUNS ?? 500) },
    )
    expect(refined).toBeGreaterThan(0)
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
