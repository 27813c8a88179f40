import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import config from '../../tsup.config.js'

const ROOT = join(import.meta.dirname, '../..')

/** What esbuild makes of the main entry, with these labels left out. */
async function bundled(dropLabels: string[] | undefined): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'src/index.ts')],
    bundle: true,
    write: false,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    ...(dropLabels === undefined ? {} : { dropLabels }),
  })
  return outputFiles[0]?.text ?? ''
}

const TRACE = /failpoint|before-cursor|after-answer|before-list-intent|before-push|erase-begun/i

test('a release has no trace of the failpoints', async () => {
  const options: { dropLabels?: string[]; external?: string[] } = {}
  const { esbuildOptions } = config as { esbuildOptions: (options: object, context: object) => void }
  esbuildOptions(options, { format: 'esm' })
  expect(await bundled(undefined)).toMatch(TRACE)
  expect(await bundled(options.dropLabels)).not.toMatch(TRACE)
})
