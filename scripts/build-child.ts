// Bundles the sandbox child (SES included), the thread of a SQLite file and the one that sorts audiences into one string each; keeps the
// text of the types of `spark`. One function for all tools: `prepare` calls it for editors,
// tsc and tsx; test/vitest.config.ts and tsup.config.ts call it so that tests and builds never see a stale one.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build } from 'esbuild'

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const OUT = at('src/transform/child.generated.ts')
/** Threads, by the module that starts them. */
const THREADS = {
  'src/stores/sqlite/thread.generated.ts': 'stores/sqlite/thread-entry.ts',
  'src/delta/whole/thread.generated.ts': 'delta/whole/thread-main.ts',
}
const SPARK_OUT = at('src/transform/declared/spark.generated.ts')

/** The same text is left alone: no watch loop. */
async function writeAnew(file: string, page: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => '')) !== page) await writeFile(file, page)
}

async function bundle(path: string, more: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [at(`src/${path}`)],
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

/** The helpers of `spark` as a program's types say them: the interface itself, without what it imports. */
async function buildSparkText(): Promise<void> {
  const source = await readFile(at('src/transform/spark.ts'), 'utf8')
  const [text, ...imports] = source.split(/^import type \{ Json \} from '..\/model\/value.js'\n+/m).reverse()
  if (text === undefined || imports.join('') !== '' || /^import /m.test(text))
    throw new Error('spark.ts imports more than Json')
  const page = `// Made by scripts/build-child.ts. Not in git.\nexport const SPARK_TEXT: string = ${JSON.stringify(text)}\n`
  await writeAnew(SPARK_OUT, page)
}

async function buildThreads(): Promise<void> {
  for (const [out, entry] of Object.entries(THREADS)) {
    const text = JSON.stringify(await bundle(entry, {}))
    await writeAnew(
      at(out),
      `// Made by scripts/build-child.ts. Not in git.\nexport const THREAD_SOURCE: string = ${text}\n`,
    )
  }
}

/** Two bundles: the realm of the program (SES, acorn, no Node), and the process or thread around it, which holds it as a string. */
export async function buildChild(): Promise<number> {
  const realm = await bundle('transform/child/realm.ts', {
    platform: 'neutral',
    mainFields: ['module', 'main'],
    globalName: 'lakeloopRealm',
    ignoreAnnotations: true, // our package has no side effects, but utc.ts is one
  })
  const shell = await bundle('transform/child/main.ts', {})
  const page = `// Made by scripts/build-child.ts. Not in git.
export const REALM_SOURCE: string = ${JSON.stringify(realm)}
export const SHELL_SOURCE: string = ${JSON.stringify(shell)}
export const childSource = (): string => \`"use strict";const REALM_SOURCE=\${JSON.stringify(REALM_SOURCE)};\${SHELL_SOURCE}\`
`
  await writeAnew(OUT, page)
  await buildSparkText()
  await buildThreads()
  return realm.length + shell.length
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log('sandbox child:', await buildChild(), 'bytes')
