import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { ONLY_ESM } from '../../scripts/only-esm.js'
import { anchorOf, bundledWithPackages, withNotices } from '../../scripts/package-notices.js'

const ROOT = join(import.meta.dirname, '../..')

const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
  string,
  Record<string, string>
>
const CHILD = ['main.ts', 'realm.ts'].map((file) => `src/transform/child/${file}`)
const ENTRIES = [
  'index.ts',
  'telemetry/index.ts',
  'testing/index.ts',
  'stores/sqlite.ts',
  'stores/postgres.ts',
  'sources/duckdb.ts',
  'identity/phones.ts',
].map((file) => `src/${file}`)

/** Name and version of every package in a program, as the bundler counts them. */
async function bundled(files: readonly string[], external: readonly string[]): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: files.map((file) => join(ROOT, file)),
    external: [...external],
    outdir: 'nowhere', // nothing is written
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    metafile: true,
    logLevel: 'error',
  })
  const inputs = Object.keys(metafile.inputs)
  const names = inputs.map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)).filter((it) => it !== null)
  const version = (folder: string): string => {
    const manifest = readFileSync(join(ROOT, folder, 'package.json'), 'utf8')
    return (JSON.parse(manifest) as { version: string }).version
  }
  return [...new Set(names.map(([folder, name]) => `${name} ${version(folder)}`))].sort()
}

const page = readFileSync(join(ROOT, 'THIRD_PARTY.md'), 'utf8')
const listed = await bundledWithPackages()

test('THIRD_PARTY.md has a notice for each package that is bundled, and for no other', async () => {
  const noticed = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)
  const installed = [...Object.keys(dependencies ?? {}), ...Object.keys(peerDependencies ?? {})]
  // The CommonJS build takes in more than that of ES modules.
  const external = installed.filter((name) => !ONLY_ESM.includes(name))
  const ours = [...(await bundled(CHILD, [])), ...(await bundled(ENTRIES, external))]
  const theirs = listed.map(({ name, version }) => `${name} ${version}`)
  expect(noticed.sort()).toEqual([...new Set([...ours, ...theirs])].sort())
})

test('THIRD_PARTY.md has the notices of the listed packages as they stand (npm run packages makes them)', () => {
  expect(page).toBe(withNotices(page, listed))
})

test('each notice of a listed package names its licence and somebody, and points to words that are there', () => {
  for (const { name, version, licence, holders } of listed) {
    const [, section = ''] = page.split(`\n## ${name} ${version}\n`)
    const own = section.split(/^#/m)[0] ?? ''
    expect([name, own.includes(licence)]).toEqual([name, true])
    expect([name, holders.join('').replace(/\W/g, '').length > 4]).toEqual([name, true])
    for (const [, link = ''] of own.matchAll(/\]\(#([^)]*)\)/g)) {
      const titles = [...page.matchAll(/^### (.*)$/gm)].map(([, title = '']) => anchorOf(title))
      expect([name, titles]).toEqual([name, expect.arrayContaining([link])])
    }
  }
})
