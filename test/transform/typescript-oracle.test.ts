import { readdirSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'acorn'
import { transformSync } from 'esbuild'
import fc from 'fast-check'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { Refused } from '../../src/transform/child/refused.js'
import { blanked } from '../../src/transform/child/typescript.js'
import { typedProgram } from './typed-programs.js'

/** More by LAW_RUNS; a failure prints its seed, LAW_SEED runs it again. */
const numRuns = Number(process.env.LAW_RUNS ?? 1000)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FILES = ['src', 'test', 'scripts', 'examples'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.generated.ts'))
    .map((file) => join(folder, file)),
)

const OPTIONS = { target: 'esnext', legalComments: 'none', logLevel: 'silent' } as const
const VERBATIM = { compilerOptions: { verbatimModuleSyntax: true, target: 'esnext', useDefineForClassFields: true } }

const JUDGE: ts.CompilerOptions = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
}

/** The program as esbuild prints it, read by acorn: the same for two texts that say the same. */
function printed(source: string, loader: 'ts' | 'js'): string {
  const tsconfigRaw = loader === 'ts' ? { tsconfigRaw: VERBATIM } : {}
  const { code } = transformSync(source, { ...OPTIONS, ...tsconfigRaw, loader })
  const tree = parse(code, { ecmaVersion: 'latest', sourceType: 'module' })
  return JSON.stringify(tree, (field, value: unknown) => {
    if (field === 'start' || field === 'end' || field === 'directive') return undefined
    if (typeof value === 'bigint') return String(value)
    return Array.isArray(value) ? value.filter((one) => one?.type !== 'EmptyStatement') : value
  })
}

/** The judge where esbuild reads on as it can: as printed, undefined for what is no TypeScript. */
function byTypeScript(source: string): string | undefined {
  const { outputText, diagnostics } = ts.transpileModule(source, { compilerOptions: JUDGE, reportDiagnostics: true })
  return diagnostics?.length === 0 ? attempt(() => printed(outputText, 'js')) : undefined
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch {
    return undefined
  }
}

/** Undefined where it is refused; any other end is a fault. */
function blankedOrRefused(source: string): string | undefined {
  try {
    return blanked(source, String)
  } catch (error) {
    if (Refused.is(error)) return undefined
    throw error
  }
}

const lineBreaks = (text: string): string => text.replace(/[^\n\r\u2028\u2029]/g, '.')

describe('without its types a program says the same', () => {
  test.each(FILES)('%s, by esbuild', (file) => {
    const source = readFileSync(join(ROOT, file), 'utf8')
    const text = blanked(source, String)
    expect(lineBreaks(text)).toBe(lineBreaks(source))
    expect(printed(text, 'js')).toBe(printed(source, 'ts'))
  })

  const strip = Reflect.get(module, 'stripTypeScriptTypes') as
    | ((source: string, options: { mode: 'strip' }) => string)
    | undefined

  test.skipIf(strip === undefined)('every file, by Node itself (from 22.13 on)', () => {
    for (const file of FILES) {
      const source = readFileSync(join(ROOT, file), 'utf8')
      const text = blanked(source, String)
      const stripped = strip?.(source, { mode: 'strip' }) as string
      if (text !== stripped) expect(printed(text, 'js'), file).toBe(printed(stripped, 'js'))
    }
  })

  test('programs of a grammar, by esbuild', () => {
    let both = 0
    let refused = 0
    const law = fc.property(typedProgram, (source) => {
      const text = blankedOrRefused(source)
      const expected = attempt(() => printed(source, 'ts'))
      if (expected === undefined) return
      if (text === undefined) {
        refused += 1
        return
      }
      both += 1
      expect(lineBreaks(text)).toBe(lineBreaks(source))
      if (printed(text, 'js') !== expected)
        expect(printed(text, 'js')).toBe(byTypeScript(source) ?? printed(text, 'js'))
    })
    fc.assert(law, { numRuns, ...seed })
    expect(both).toBeGreaterThan(4 * refused)
  })
})

test('whatever is cut out of a file, the rest is answered or refused', () => {
  const cuts = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 3 })
  const law = fc.property(fc.constantFrom(...FILES), cuts, (file, all) => {
    let source = readFileSync(join(ROOT, file), 'utf8')
    for (const [at, count] of all) {
      const from = at % source.length
      source = source.slice(0, from) + source.slice(from + count)
    }
    const text = blankedOrRefused(source)
    if (text !== undefined) expect(lineBreaks(text)).toBe(lineBreaks(source))
  })
  fc.assert(law, { numRuns, ...seed })
})
