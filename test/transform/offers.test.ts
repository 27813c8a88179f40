import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { moduleOf } from '../../src/transform/child/module.js'
import { AllOffers } from '../../src/transform/child/offers.js'

type Sources = Readonly<Record<string, string>>

const MODULES = (sources: Sources) =>
  new Map(
    Object.entries(sources).map(([id, source]) => {
      const links = Object.fromEntries(Object.keys(sources).map((other) => [`./${other}`, other]))
      return [id, moduleOf({ id, source, links })] as const
    }),
  )

/** The names that each file offers, and how taking one of them by name ends. */
function ours(sources: Sources): unknown {
  const offers = new AllOffers(MODULES(sources))
  return Object.keys(sources).map((id) => [...offers.of(id).origins.keys()].sort())
}

/**
 * Takes every name of every file of many folders by an import, in one process of Node. The names of its namespace objects are
 * others where V8 departs from the language: what is ambiguous in a file is there again one file further. It departs, too, in
 * taking two `export * as x` of one file for two places.
 */
const LOOK = `
const [, ...folders] = process.argv
const isThere = (file, name) => {
  const text = 'import { ' + name + ' as taken } from ' + JSON.stringify(file)
  return import('data:text/javascript,' + encodeURIComponent(text)).then(() => [name], () => [])
}
for (const folder of folders) {
  const names = (file) => Promise.all(['default', 'x', 'y', 'z'].map((name) => isThere(folder + '/' + file + '.mjs', name)))
  console.log(JSON.stringify(await Promise.all(['a', 'b', 'c', 'd', 'e'].map(async (file) => (await names(file)).flat()))))
}`

const NAMES = ['x', 'y', 'z', 'default']
const name = fc.constantFrom(...NAMES)

/** What a file says: a name of its own, all that another offers, or another whole under a name. */
type Statement = { readonly own: string } | { readonly star: string } | { readonly whole: string; readonly as: string }
type Program = Readonly<Record<string, readonly Statement[]>>

const offered = (one: Statement): string => ('own' in one ? one.own : 'as' in one ? one.as : `* ${one.star}`)

function textOf(one: Statement): string {
  if ('own' in one) return `const own_${one.own} = 1; export { own_${one.own} as ${one.own} }`
  if ('star' in one) return `export * from './${one.star}'`
  return `import * as all_${one.as} from './${one.whole}'; export { all_${one.as} as ${one.as} }`
}

/** A statement of a file that may take from those before it. */
const statement = (before: readonly string[]): fc.Arbitrary<Statement> => {
  const own = fc.record({ own: fc.constantFrom('x', 'y', 'z') })
  if (before.length === 0) return own
  const from = fc.constantFrom(...before)
  const star = fc.record({ star: from })
  return fc.oneof({ weight: 2, arbitrary: own }, { weight: 5, arbitrary: star }, fc.record({ whole: from, as: name }))
}
const FILES = ['a.mjs', 'b.mjs', 'c.mjs', 'd.mjs', 'e.mjs']
/** A program of five files without a circle, none of which offers a name twice by itself. */
const program: fc.Arbitrary<Program> = fc
  .tuple(...FILES.map((_, at) => fc.uniqueArray(statement(FILES.slice(0, at)), { maxLength: 4, selector: offered })))
  .map((files) => Object.fromEntries(files.map((parts, at) => [FILES[at] as string, parts])))

const sourcesOf = (files: Program): Sources =>
  Object.fromEntries(Object.entries(files).map(([file, parts]) => [file, parts.map(textOf).join('\n')]))

/** ResolveExport as ECMAScript writes it down (16.2.1.7.2.2), for files without circles: a place, nothing, or ambiguous. */
function resolveExport(files: Program, file: string, taken: string): string | null | 'ambiguous' {
  const parts = files[file] ?? []
  if (parts.some((one) => !('star' in one) && offered(one) === taken)) return `${taken} of ${file}`
  if (taken === 'default') return null
  let found: string | null = null
  for (const one of parts) {
    if (!('star' in one)) continue
    const there = resolveExport(files, one.star, taken)
    if (there === 'ambiguous') return there
    if (there !== null && found !== null && there !== found) return 'ambiguous'
    found = there ?? found
  }
  return found
}

const offersOf = (files: Program, isThere: (resolved: string | null) => boolean): readonly (readonly string[])[] =>
  FILES.map((file) => [...NAMES].sort().filter((one) => isThere(resolveExport(files, file, one))))

test('a file offers what the language says that it offers', () => {
  const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }
  const numRuns = Number(process.env.LAW_RUNS ?? 1_000)
  fc.assert(
    fc.property(program, (files) => {
      expect(ours(sourcesOf(files))).toEqual(
        offersOf(files, (resolved) => resolved !== null && resolved !== 'ambiguous'),
      )
    }),
    { numRuns, ...seed },
  )
})

/**
 * V8 departs from the language where a file hands on, by `export *`, what is ambiguous in one file and clear in a later one: it
 * takes the later one's. What it offers beyond the language must be such a name, and it offers no less.
 */
test('a file offers what Node says that it offers, but for names that the language calls ambiguous', () => {
  const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }
  const programs = fc.sample(program, { numRuns: 100, ...seed })
  const folder = mkdtempSync(join(tmpdir(), 'lakeloop-offers-'))
  try {
    const folders = programs.map((files, nth) => {
      const one = join(folder, String(nth))
      mkdirSync(one)
      for (const [file, text] of Object.entries(sourcesOf(files))) writeFileSync(join(one, file), text)
      return pathToFileURL(one).href
    })
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', LOOK, '--', ...folders], {
      encoding: 'utf8',
    })
    const theirs = said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as readonly (readonly string[])[])
    for (const [nth, files] of programs.entries()) {
      const most = offersOf(files, (resolved) => resolved !== null)
      const isClear = (file: string, one: string): boolean => resolveExport(files, file, one) !== 'ambiguous'
      const clear = theirs[nth]?.map((names, at) => names.filter((one) => isClear(FILES[at] as string, one)))
      expect([files, clear]).toEqual([files, ours(sourcesOf(files))])
      for (const [at, names] of (theirs[nth] ?? []).entries())
        expect(most[at]).toEqual(expect.arrayContaining([...names]))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('a name that two files offer', () => {
  const taken = (sources: Sources): string => {
    const modules = MODULES(sources)
    try {
      for (const module of modules.values()) new AllOffers(modules).assertTaken(module)
      return 'taken'
    } catch (thrown) {
      return (thrown as { code: string }).code
    }
  }
  const TWO = { a: 'export const x = 1, y = 1', b: 'export const x = 2', c: "export * from './a'\nexport * from './b'" }

  test.each<readonly [string, Sources, string]>([
    ['is nobody’s', { ...TWO, d: "import { x } from './c'\nx" }, 'TRANSFORM_SYNTAX'],
    ['is not handed on', { ...TWO, d: "export { x } from './c'" }, 'TRANSFORM_SYNTAX'],
    ['nor by one more file', { ...TWO, d: "export * from './c'", e: "import { x } from './d'\nx" }, 'TRANSFORM_SYNTAX'],
    [
      'leaves the others alone',
      { ...TWO, d: "import { y } from './c'\nimport * as all from './c'\ny + all.y" },
      'taken',
    ],
    [
      'is that of a file which names it',
      { ...TWO, c: `${TWO.c}\nexport { x } from './b'`, d: "import { x } from './c'\nx" },
      'taken',
    ],
    [
      'is one, where both have it from one place',
      { a: TWO.a, b: "export { x } from './a'", c: TWO.c, d: "import { x } from './c'\nx" },
      'taken',
    ],
    [
      'is one, by an import',
      { a: TWO.a, b: "import { x as q } from './a'\nexport { q as x }", c: TWO.c, d: "import { x } from './c'\nx" },
      'taken',
    ],
    [
      'is one, where both are all of one file',
      {
        a: TWO.a,
        b: "export * as x from './a'",
        b2: "export * as x from './a'",
        c: "export * from './b'\nexport * from './b2'",
        d: "import { x } from './c'\nx",
      },
      'taken',
    ],
    ['is unknown, where nobody has it', { ...TWO, d: "import { q } from './c'\nq" }, 'TRANSFORM_UNKNOWN_IDENTIFIER'],
  ])('%s', (_, sources, end) => {
    expect(taken(sources)).toBe(end)
  })
})
