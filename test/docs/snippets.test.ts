import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** What a page takes as known: the reader's own things. */
const KNOWN = `
import { contractChanges, DatabricksCatalog, DatabricksSource, IterableDestination, IdentityResolver, ListDeltaComputer, planJson, planText, Sync, deliver } from 'lakeloop'
import type { DatabricksAuth, DatabricksSourceOptions, IterableContract, Plan, Store, SyncOptions, Wish } from 'lakeloop'
import { phones } from 'lakeloop/identity/phones'
import { type Logger, observe } from 'lakeloop/telemetry'
import { PostgresStore } from 'lakeloop/stores/postgres'
import { FakeIterable } from 'lakeloop/testing'
declare const log: { error(text?: string): void; warn(text: string): void }
declare const vault: { get(name: string): Promise<string> }
declare const [clientId, host]: readonly [string, string]
declare const auth: DatabricksAuth
declare const options: DatabricksSourceOptions
declare const parts: SyncOptions
declare const source: DatabricksSource
declare const sync: Sync
declare const pino: Logger
declare const store: Store
declare const destination: IterableDestination
declare const writeFile: (path: string, text: string) => Promise<void>
declare const readFile: (path: string, encoding: 'utf8') => Promise<string>
declare const here: IdentityResolver
declare const elsewhere: IdentityResolver
declare const lines: { read(path: string): AsyncIterable<string>; write(path: string, lines: AsyncIterable<string>): Promise<void> }
declare const lists: ListDeltaComputer
declare const identity: IdentityResolver
declare const otherRules: { readonly namespaces: {} }
declare const claims: readonly Wish[]
declare const send: (op: string, addresses: readonly string[]) => Promise<never>
declare const signal: AbortSignal
`

/** The blocks of TypeScript that are no slice of an example: those are compiled with it. */
function blocksOf(page: string): readonly { readonly at: string; readonly code: string }[] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  return [...text.matchAll(/^(<!-- from .*-->\n\n)?```ts\n([\s\S]*?)^```$/gm)]
    .filter(([, mark]) => mark === undefined)
    .map(({ index, 2: code = '' }) => ({ at: `${page}:${text.slice(0, index).split('\n').length}`, code }))
}

const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter((page) =>
  page.endsWith('.md'),
)
const blocks = pages.flatMap(blocksOf)

/** What the compiler says of each of the files, which stand nowhere. */
function problemsOf(files: ReadonlyMap<string, string>): readonly string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT)
  const given = { ...options, noUnusedLocals: false }
  const host = ts.createCompilerHost(given)
  const { readFile, fileExists } = host
  host.readFile = (name) => files.get(name) ?? readFile(name)
  host.fileExists = (name) => files.has(name) || fileExists(name)
  const program = ts.createProgram([...files.keys()], given, host)
  return [...files.keys()].flatMap((name) => {
    const file = program.getSourceFile(name)
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return found.map(({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
  })
}

const wrapped = (code: string): string => `${KNOWN}\nexport async function shown() {\n${code}}\n`

/** The compiler reads all of the types: half a minute on a machine that has other work too. */
const LONG_MS = 180_000

test('every block of TypeScript in the docs compiles against the published types', { timeout: LONG_MS }, () => {
  expect(blocks.length).toBeGreaterThan(5)
  const files = new Map(blocks.map(({ at, code }, n) => [join(ROOT, 'test/docs', `${n}.ts`), { at, code }] as const))
  const problems = problemsOf(new Map([...files].map(([name, { code }]) => [name, wrapped(code)])))
  const told = problems.map((problem) => {
    const [name = ''] = /^[^:]+/.exec(problem) ?? []
    return problem.replace(name, files.get(name)?.at ?? name)
  })
  expect(told).toEqual([])
})

test('a block that uses an option that is not there is found', { timeout: LONG_MS }, () => {
  const name = join(ROOT, 'test/docs', 'wrong.ts')
  expect(problemsOf(new Map([[name, wrapped("new DatabricksCatalog({ host, auth, hosts: '' })\n")]]))).toHaveLength(1)
})
