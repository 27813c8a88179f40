import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform } from '../../src/transform/transform.js'
import { actionsOf, fatesOf } from '../transform/programs.js'
import { wall } from './stage.js'

/** Runs a host of its own to its end, and gives what it prints as JSON. */
function report(preload: readonly string[] = []): Promise<unknown> {
  const program = fileURLToPath(new URL('hosts/untouched.ts', import.meta.url))
  const host = spawn(process.execPath, ['--import', 'tsx', ...preload, program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  host.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    host.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(printed))
      else reject(new Error(`the host ended with ${code}`))
    })
  })
}

const UNTOUCHED = {
  looked: expect.any(Number),
  changes: [],
  globals: [],
  gone: [],
  listeners: [],
  environment: true,
  ses: [],
  polluted: false,
}

test('a host is the same before and after: intrinsics, globals, listeners, environment; SES was never there [I8]', async () => {
  const found = (await report()) as typeof UNTOUCHED
  expect(found).toEqual(UNTOUCHED)
  expect(found.looked).toBeGreaterThan(1_500)
})

test('a host that does load SES is told from one that does not', async () => {
  const found = (await report(['--import', 'ses'])) as typeof UNTOUCHED
  expect(found.ses).not.toEqual([])
})

test('nothing of one batch, slice or transform is in the next: prototypes, globals, what a module keeps [I8] [I9]', async () => {
  const source = `let kept = 0
const tried = (f) => { try { f() } catch {} }
export default (row, ctx) => {
  const found = { kept: String(kept), polluted: String({}.polluted), global: String(globalThis.kept), limit: String(Error.stackTraceLimit), symbol: String(Symbol.for('a') in Object.prototype), on: String(ctx.spark.kept) }
  kept += 1
  tried(() => { Object.prototype.polluted = 1 })
  tried(() => { globalThis.kept = 1 })
  tried(() => { Array.prototype.polluted = 1 })
  tried(() => { Error.stackTraceLimit = 3 })
  tried(() => { Object.prototype[Symbol.for('a')] = 1 })
  tried(() => { ctx.spark.kept = 1 })
  tried(() => { Object.getPrototypeOf(tried).polluted = 1 })
  tried(() => { JSON.parse('{"__proto__":{"polluted":1}}', function (k, v) { Object.getPrototypeOf(this)[k] = v; return v }) })
  return { identifiers: found }
}`
  const fresh = {
    kept: '0',
    polluted: 'undefined',
    global: 'undefined',
    limit: 'undefined',
    symbol: 'false',
    on: 'undefined',
  }
  const one = Transform.fromText(source, { sliceRows: 2, ...wall })
  const other = Transform.fromText(source, { ...wall })
  const rows = rowBlock([{}, {}, {}, {}])
  const pages = [await one.run({ rows }), await one.run({ rows }), await other.run({ rows: rowBlock([{}]) })]
  await Promise.all([one.close(), other.close()])
  expect(pages.map(fatesOf)).toEqual([[1, 1, 1, 1], [1, 1, 1, 1], [1]])
  const slice = [fresh, { ...fresh, kept: '1' }]
  const found = pages.map((page) => actionsOf(page).map(({ identifiers }) => identifiers))
  expect(found).toEqual([[...slice, ...slice], [...slice, ...slice], [fresh]])
})
