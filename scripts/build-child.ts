// Bundles the sandbox child (SES included) into one string. One function for all tools: `prepare` calls it for editors,
// tsc and tsx; test/vitest.config.ts and tsup.config.ts call it so that tests and builds never see a stale one.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build } from 'esbuild'

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const OUT = at('src/transform/child.generated.ts')

async function bundle(file: string, more: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [at(`src/transform/child/${file}`)],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'iife',
    minify: true,
    legalComments: 'none', // the notices of what is bundled stand in THIRD_PARTY.md
    charset: 'ascii',
    banner: { js: '"use strict";' }, // without it SES stops with SES_NO_SLOPPY
    logLevel: 'error',
    ...more,
  })
  return outputFiles?.[0]?.text ?? ''
}

/** Two bundles: the realm of the program (SES, acorn, no Node), and the process or thread around it, which holds it as a string. */
export async function buildChild(): Promise<number> {
  const realm = await bundle('realm.ts', {
    platform: 'neutral',
    mainFields: ['module', 'main'],
    globalName: 'lakeloopRealm',
    ignoreAnnotations: true, // our package has no side effects, but utc.ts is one
  })
  const shell = await bundle('main.ts', {})
  const page = `// Made by scripts/build-child.ts. Not in git.
export const REALM_SOURCE: string = ${JSON.stringify(realm)}
const SHELL = ${JSON.stringify(shell)}
export const childSource = (): string => \`"use strict";const REALM_SOURCE=\${JSON.stringify(REALM_SOURCE)};\${SHELL}\`
`
  if ((await readFile(OUT, 'utf8').catch(() => '')) !== page) await writeFile(OUT, page) // same text: no watch loop
  return realm.length + shell.length
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log('sandbox child:', await buildChild(), 'bytes')
