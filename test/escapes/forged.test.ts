import { describe, expect, test, vi } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform } from '../../src/transform/transform.js'
import { fatesOf } from '../transform/programs.js'
import { breakChild } from './broken-child.js'
import { ISOLATION, OVERSHOOT_MAX_MS, RETRIES, Watch } from './stage.js'

vi.mock('../../src/transform/child.generated.js', async (original) => breakChild(await original<object>()))

const CRASHED = 'TRANSFORM_CRASHED'
const TIMEOUT = 'TRANSFORM_TIMEOUT'
const TIMEOUT_MS = 400
/** An answer on its way at the deadline is looked at once more before it is given up. */
const LOOK_MS = 200

const hex = (...words: number[]): string => {
  const bytes = Buffer.alloc(words.length * 4)
  for (const [at, word] of words.entries()) bytes.writeUInt32LE(word, at * 4)
  return bytes.toString('hex')
}

const RAN = {
  type: 'ran',
  done: 1,
  unmade: [],
  count: 1,
  detailTable: [{}],
  shapeTable: [{ fields: [], dotted: false }],
  logs: [],
}
const hexOf = (text: string): string => Buffer.from(text).toString('hex')
/** What follows the header: one action of a row, its identifiers, its payload. */
const body = (row = 0, identifiers = '[{"email":"forged"}]', payload = '{}'): string =>
  hex(0, row, 0, 0, 2, identifiers.length) + hexOf(identifiers + payload)
/** As text in a program: a whole frame, with what it says changed. */
const frame = (change: object, rest = body()): string =>
  `hole.frame(${JSON.stringify(JSON.stringify({ ...RAN, ...change }))}, '${rest}')`

/** A page with the forgery in its middle, row by row; the harmless rows go in processes of their own where need be. */
async function run(forgery: string) {
  const watch = new Watch()
  const transform = Transform.fromText(
    `export default (row) => { const { hole } = globalThis; if (row.evil) { ${forgery} } return { email: row.email } }`,
    { timeoutMs: TIMEOUT_MS, sliceRows: 1, spare: false },
  )
  await transform.prepare()
  watch.start()
  const startedAt = performance.now()
  const rows = rowBlock([{ email: 'before' }, { email: 'x', evil: true }, { email: 'after' }])
  const made = await transform.run({ rows })
  const stillMs = watch.stillMs()
  await transform.close()
  const left = await watch.left()
  const tookMs = (watch.closedAt[0] ?? Number.POSITIVE_INFINITY) - startedAt
  return { fates: fatesOf(made), left, stillMs, tookMs }
}

// The frames of a thread are whole messages, and without a wall there are none.
describe.runIf(ISOLATION === 'process')('frames forged by a program that writes to fd 4 itself [I8]', () => {
  test.each<[string, string, string]>([
    ['bytes that are no frame', "hole.bytes('ff'.repeat(64)); for (;;);", CRASHED],
    ['a frame of 4 GB', `hole.bytes('${hex(0xffffffff, 4)}'); for (;;);`, CRASHED],
    ['a frame that is larger than allowed', `hole.bytes('${hex(129 * 2 ** 20, 4)}'); for (;;);`, CRASHED],
    ['a header that is longer than its frame', `hole.bytes('${hex(8, 99)}'); for (;;);`, CRASHED],
    ['a frame of nothing', `hole.bytes('${hex(0, 0)}'); for (;;);`, CRASHED],
    ['a header that is no JSON', "hole.frame('nope'); for (;;);", CRASHED],
    ['a header that is null', "hole.frame('null'); for (;;);", CRASHED],
    ['a header that is an array', "hole.frame('[1]'); for (;;);", CRASHED],
    ['an answer of an unknown kind', `hole.frame('{"type":"__proto__"}'); for (;;);`, CRASHED],
    [
      'an answer to another question',
      `hole.frame('{"type":"loaded","form":"send","reads":[],"readsAll":false}'); for (;;);`,
      CRASHED,
    ],
    [
      'a refusal with a code that is none',
      `hole.frame('{"type":"refused","code":"constructor","facts":{}}'); for (;;);`,
      CRASHED,
    ],
    ['a refusal without facts', `hole.frame('{"type":"refused","code":"TRANSFORM_THREW"}'); for (;;);`, CRASHED],
    ['a row that was not asked for', `${frame({}, body(1))}; for (;;);`, CRASHED],
    ['a shape that is none', `${frame({ shapeTable: [null] })}; for (;;);`, CRASHED],
    ['payloads that are longer than said', `${frame({}, body(0, undefined, '{}}}'))}; for (;;);`, CRASHED],
    ['a flood of zeros', "hole.flood('', 2 ** 10)", CRASHED],
    ['an answer behind the deadline', `hole.pause(${TIMEOUT_MS * 3}); ${frame({})}`, TIMEOUT],
  ])('%s', { retry: RETRIES }, async (_, forgery, end) => {
    const { fates, left, stillMs, tookMs } = await run(forgery)
    expect(fates).toEqual([1, end, 1])
    expect(left).toEqual([])
    expect(stillMs).toBeLessThanOrEqual(OVERSHOOT_MAX_MS)
    expect(tookMs).toBeLessThanOrEqual(TIMEOUT_MS + OVERSHOOT_MAX_MS)
  })

  // What is on its way at the deadline may come to its end.
  test.each<[string, string, string]>([
    ['a header of brackets only, 15 MB', "hole.frame('['.repeat(15 * 2 ** 20)); for (;;);", CRASHED],
    ['a header of 17 MB', "hole.frame('[' + '0,'.repeat(8.5 * 2 ** 20) + '0]'); for (;;);", CRASHED],
    ['a flood behind a frame that promises 128 MB', `hole.flood('${hex(128 * 2 ** 20, 2)}7b7d', 2 ** 10)`, CRASHED],
  ])('%s', { retry: RETRIES }, async (_, forgery, end) => {
    const { fates, left, stillMs } = await run(forgery)
    expect(fates).toEqual([1, end, 1])
    expect(left).toEqual([])
    expect(stillMs).toBeLessThanOrEqual(OVERSHOOT_MAX_MS)
  })

  test('an answer that is begun and never ended stretches a deadline by one look', { retry: RETRIES }, async () => {
    const { fates, left, tookMs } = await run(`hole.bytes('${hex(1000, 4)}'); for (;;);`)
    expect(fates).toEqual([1, TIMEOUT, 1])
    expect(left).toEqual([])
    expect(tookMs).toBeLessThanOrEqual(TIMEOUT_MS + LOOK_MS + OVERSHOOT_MAX_MS)
  })

  test.each([
    ['an early answer, and the true one behind it', frame({})],
    ['two answers at once', `${frame({})}; ${frame({})}; for (;;);`],
    ['a header of five million objects', "hole.frame('[' + '{},'.repeat(5e6) + '{}]'); for (;;);"],
  ])('%s leave the host alive, and no process', async (_, forgery) => {
    const { fates, left } = await run(forgery)
    expect(fates).toHaveLength(3)
    expect(fates[0]).toBe(1)
    expect(left).toEqual([])
  })

  test.each([
    ['[{"email":"forged"}]', { email: 'forged' }],
    ['[{"email":{"toString":1}}]', CRASHED],
    ['[]', CRASHED],
  ])(
    'the hole is there: a forged answer is taken for the row that was asked for, and read with care: %s',
    async (identifiers, read) => {
      const transform = Transform.fromText(
        `export default () => { const { hole } = globalThis; ${frame({}, body(0, identifiers))}; for (;;); }`,
        { timeoutMs: TIMEOUT_MS },
      )
      const made = await transform.run({ rows: rowBlock([{}]) })
      if (read === CRASHED) expect(() => made.actions.identifiers(0)).toThrow(CRASHED)
      else expect(made.actions.identifiers(0)).toEqual(read)
      await transform.close()
    },
  )
})
