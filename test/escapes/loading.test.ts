import { describe, expect, test } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform } from '../../src/transform/transform.js'
import { fatesOf } from '../transform/programs.js'
import { EXPRESSIONS, PROGRAMS, type Refusal } from './programs/loading.js'
import { ISOLATION, Watch, wall } from './stage.js'

async function refusalOf(source: string, initTimeoutMs: number): Promise<{ code: unknown; left: number[] }> {
  const watch = new Watch()
  const transform = Transform.fromText(source, { initTimeoutMs, memoryMb: 32, ...wall })
  const code = await transform.prepare().then(
    () => 'loaded',
    (error: { code?: unknown }) => error.code,
  )
  await transform.close()
  return { code, left: await watch.left() }
}

/** Those that end the process, which a host that shares it does not survive. */
const ENDS = /INIT_TIMEOUT|OUT_OF_MEMORY/
const runnable = (refusals: readonly Refusal[]): readonly Refusal[] =>
  refusals.filter(([, , code]) => ISOLATION === 'process' || !ENDS.test(code.source))

describe('programs that do not even load [I8]', () => {
  const expressions = [...EXPRESSIONS.reference, ...EXPRESSIONS.own].map(
    ([attack, text, code]): Refusal => [attack, `export default (row) => (${text})`, code],
  )

  test.each(runnable([...expressions, ...PROGRAMS.reference, ...PROGRAMS.own]))('%s', async (_attack, source, code) => {
    expect(await refusalOf(source, ENDS.test(code.source) ? 1_000 : 20_000)).toEqual({
      code: expect.stringMatching(code),
      left: [],
    })
  })
})

describe('what two parsers would read differently hides nothing [I8]', () => {
  const emailOf = async (source: string): Promise<unknown> => {
    const transform = Transform.fromText(source, wall)
    const made = await transform.run({ rows: rowBlock([{ email: 'a' }]) })
    await transform.close()
    expect(fatesOf(made)).toEqual([1])
    return made.actions.identifiers(0).email
  }

  test('a comment that a script would end at its line', async () => {
    // As a module `x <!--/*` opens a block comment; as a script it is a comment to the end of its line.
    const source = "let x = 1\nx <!--/*\nimport('node:fs')\n*/ x\nexport default (row) => ({ email: row.email })"
    expect(await emailOf(source)).toBe('a')
  })

  test('a comment between `export` and `default` is not run in place of the program', async () => {
    const source = "export /* default (row) => ({ email: 'hidden' }); // */ default (row) => ({ email: row.email })"
    expect(await emailOf(source)).toBe('a')
    expect(await emailOf("export // default\ndefault function named() { return { email: 'b' } }")).toBe('b')
  })

  test('a line that begins with #! is none of the program', async () => {
    expect(await emailOf('#!/usr/bin/env node\nexport default (row) => ({ email: row.email })')).toBe('a')
  })

  test('a name for the source, in the place of ours', async () => {
    const source =
      'export default (row) => ({ email: typeof (() => { try { null.x } catch (e) { return e.stack } })() })\n//#\tsourceURL=/etc/passwd\n//@ sourceURL=x'
    expect(await emailOf(source)).toBe('string')
  })
})
