import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** Name and version of every package in the sandbox child, as the bundler counts them. */
async function bundled(): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: ['main.ts', 'realm.ts'].map((file) => join(ROOT, 'src/transform/child', file)),
    outdir: 'nowhere', // nothing is written
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    metafile: true,
    logLevel: 'error',
  })
  const files = Object.keys(metafile.inputs)
  const names = files.map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)).filter((it) => it !== null)
  const version = (folder: string): string => {
    const manifest = readFileSync(join(ROOT, folder, 'package.json'), 'utf8')
    return (JSON.parse(manifest) as { version: string }).version
  }
  return [...new Set(names.map(([folder, name]) => `${name} ${version(folder)}`))].sort()
}

test('THIRD_PARTY.md has a notice for each package that is bundled into the child, and for no other', async () => {
  const page = readFileSync(join(ROOT, 'THIRD_PARTY.md'), 'utf8')
  const noticed = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)
  expect(noticed.sort()).toEqual(await bundled())
})
