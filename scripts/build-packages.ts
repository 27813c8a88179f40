// Bundles the packages that a transform may use (src/transform/packages/list.json), each to the text of an expression that
// the sandbox evaluates. Called where buildChild is called. A package whose file is as it should be is left alone.
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'
import { build, type Plugin } from 'esbuild'
import { censorSafe } from '../src/transform/packages/censor-safe.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const at = (path: string): string => join(ROOT, path)
const FOLDER = at('src/transform/packages')
const LIST = at('src/transform/packages/list.json')
/** What the text of a package depends on, besides its entry in the list. */
const INGREDIENTS = [
  'package-lock.json',
  'scripts/build-packages.ts',
  'scripts/package-shims/base64.mjs',
  'scripts/package-shims/structured-clone.mjs',
  'scripts/package-shims/text-encoder.mjs',
  'scripts/package-shims/url.mjs',
  'src/transform/child/escape.ts',
  'src/transform/packages/censor-safe.ts',
]
const HEADER = '// Made by scripts/build-packages.ts. Not in git.'

/** A package of the list. */
export interface Listed {
  readonly name: string
  readonly version: string
  readonly licence: string
  /** What it is for. */
  readonly use: string
  /** What its compartment has beyond the rest: buffers, a `Function` that makes code of text. */
  readonly needs?: readonly ('bytes' | 'code')[]
  /** What is different here. */
  readonly note?: string
}

/** Both forms exist, and `require` gives something that is no bag of the names of the module. */
const BY_REQUIRE = new Set([
  'big.js',
  'bignumber.js',
  'decimal.js',
  'fuse.js',
  'js-sha256',
  'libphonenumber-js',
  'mustache',
])

/** Names that the realm does not have, where a package would quietly do the wrong thing without. */
const SHIMS: Readonly<Record<string, readonly string[]>> = {
  ajv: ['url'],
  'query-string': ['url'],
  remeda: ['structured-clone'],
  valibot: ['url', 'text-encoder'],
  zod: ['url', 'base64'],
}

/** Another module than the package's own for browsers. */
const ENTRIES: Readonly<Record<string, string>> = {
  'i18n-iso-countries': 'i18n-iso-countries/entry-node.js', // with every language, as Node has it
  transliteration: './node_modules/transliteration/dist/node/src/node/index.js', // with a default, as Node has it
  json5: './node_modules/json5/lib/index.js', // that for browsers is for old ones
  inflection: 'inflection/lib/inflection.js',
}

/** core-js gives a weak map methods of its own, which are frozen here, where it does not do without. */
const NO_WEAK_MAP: Plugin = {
  name: 'no-weak-map',
  setup: ({ onLoad }) => {
    onLoad({ filter: /core-js-pure[\\/]internals[\\/]weak-map-basic-detection\.js$/ }, () => ({
      contents: 'module.exports = false',
    }))
  },
}

export const listed = async (): Promise<readonly Listed[]> => JSON.parse(await readFile(LIST, 'utf8')) as Listed[]

/** The bundle of a package: an expression that gives its exports, and the files that went into it. */
export interface Bundle {
  readonly source: string
  readonly inputs: readonly string[]
}

export async function bundlePackage({ name, needs = [] }: Listed): Promise<Bundle> {
  const byRequire = BY_REQUIRE.has(name)
  const entry = JSON.stringify(ENTRIES[name] ?? name)
  // The ending decides how esbuild reads a default import: as Node does in a module.
  const stdin = byRequire
    ? { contents: `exports.names = require(${entry})`, sourcefile: 'entry.cjs', resolveDir: ROOT }
    : { contents: `import * as names from ${entry}\nexport { names }`, sourcefile: 'entry.mjs', resolveDir: ROOT }
  const { outputFiles, metafile } = await build({
    stdin,
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    mainFields: ['browser', 'main'], // `module` is no field of Node's
    target: 'node20',
    format: 'iife',
    globalName: 'bundle',
    minify: true,
    legalComments: 'none', // the notices of what is bundled stand in THIRD_PARTY.md
    charset: 'ascii',
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    plugins: [NO_WEAK_MAP],
    inject: (SHIMS[name] ?? []).map((shim) => at(`scripts/package-shims/${shim}.mjs`)),
    logLevel: 'silent',
  })
  const first = metafile.inputs['entry.mjs']?.imports.find(({ original }) => original === JSON.parse(entry))
  const isScript = first !== undefined && metafile.inputs[first.path]?.format === 'cjs'
  const kind = byRequire ? 'interop' : isScript ? 'cjs' : 'esm'
  const text = outputFiles[0]?.text ?? ''
  const exports = isScript ? 'bundle.names.default' : 'bundle.names'
  const body = censorSafe(`${text}return{kind:"${kind}",exports:${exports}}`)
  return {
    source: `/*${needs.join(' ')}*/(()=>{${body}})()`,
    inputs: Object.keys(metafile.inputs).filter((file) => /^(\.\.\/)*node_modules\//.test(file)),
  }
}

/** The name of a package's made file, without the ending. */
const fileOf = (name: string): string => name.replace(/[@/]/g, '_')

/** Makes what is missing or stale, and takes away what is no longer on the list. Gives the names that were made anew. */
export async function buildPackages(): Promise<readonly string[]> {
  const list = await listed()
  await mkdir(join(FOLDER, 'generated'), { recursive: true })
  const parts = await Promise.all(INGREDIENTS.map((path) => readFile(at(path))))
  const common = createHash('sha256')
  for (const part of parts) common.update(part)
  const base = common.digest('hex')
  const wanted = list.map((entry) => {
    const digest = createHash('sha256').update(base).update(JSON.stringify(entry)).digest('hex')
    return { entry, file: `${fileOf(entry.name)}.generated.ts`, head: `${HEADER} ${digest}` }
  })
  const made: string[] = []
  for (const { entry, file, head } of wanted) {
    const path = join(FOLDER, 'generated', file)
    if ((await firstLine(path, head.length)) === head) continue
    const { source } = await bundlePackage(entry)
    const packed = brotliCompressSync(source, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).toString('base64')
    await put(path, `${head}\nexport const PACKED = '${packed}'\n`)
    made.push(entry.name)
  }
  await put(join(FOLDER, 'table.generated.ts'), tableOf(list), true)
  const files = new Set(wanted.map(({ file }) => file))
  for (const name of await readdir(join(FOLDER, 'generated'))) {
    if (name.endsWith('.generated.ts') && !files.has(name)) await rm(join(FOLDER, 'generated', name))
  }
  return made
}

function tableOf(list: readonly Listed[]): string {
  const rows = list.map(
    ({ name, version }) =>
      `  '${name}': { version: '${version}', load: () => import('./generated/${fileOf(name)}.generated.js') },`,
  )
  return `${HEADER}
export interface Row {
  readonly version: string
  /** The source, compressed with Brotli, as base64. */
  readonly load: () => Promise<{ readonly PACKED: string }>
}

export const TABLE: Readonly<Record<string, Row>> = {
${rows.join('\n')}
}
`
}

async function firstLine(path: string, length: number): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await file.close()
  }
}

/** In one step, since several programs may build at once. The same text is left alone: no watch loop. */
async function put(path: string, text: string, compare = false): Promise<void> {
  if (compare && (await readFile(path, 'utf8').catch(() => '')) === text) return
  const beside = `${path}.${process.pid}`
  await writeFile(beside, text)
  await rename(beside, path)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const made = await buildPackages()
  console.log('sandbox packages:', made.length, 'made,', (await listed()).length, 'in all')
}
