import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** Drivers, and what may only run behind the wall of the sandbox. */
const HEAVY =
  /node_modules\/(@databricks|@duckdb|libphonenumber-js|libsql|@libsql|better-sqlite3|pg|undici|msw|@opentelemetry|ses|acorn|@sveltejs)\//

/**
 * Every module that a fresh process loads for one import, CommonJS and ESM alike: a loader hook sees each file before it
 * runs, `require.cache` those that came by require.
 */
function loadedBy(entry: string): { files: string[]; globals: string[] } {
  const program = `
    import { createRequire, register } from 'node:module'
    import { MessageChannel } from 'node:worker_threads'
    const { port1, port2 } = new MessageChannel()
    const seen = []
    port1.on('message', (url) => seen.push(url)).unref()
    const hooks = 'let port; export const initialize = (it) => { port = it };' +
      'export const load = (url, context, next) => { port.postMessage(url); return next(url, context) }'
    register('data:text/javascript,' + encodeURIComponent(hooks), { data: port2, transferList: [port2] })
    await import(${JSON.stringify(entry)})
    await new Promise((done) => setTimeout(done, 50))
    console.log(JSON.stringify({
      files: [...seen, ...Object.keys(createRequire(import.meta.url).cache)],
      globals: ['lockdown', 'Compartment', 'harden'].filter((name) => name in globalThis),
    }))`
  const args = ['--import', 'tsx', '--input-type=module', '-e', program]
  const answer = execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
  return JSON.parse(answer) as { files: string[]; globals: string[] }
}

const nameOf = (file: string): string | undefined => HEAVY.exec(file)?.[1]

describe('importing the main entry', () => {
  test('loads no driver, not ses, and locks nothing down', () => {
    const { files, globals } = loadedBy('./src/index.ts')
    expect(files.filter((file) => file.includes('/src/')).length).toBeGreaterThan(10)
    expect(files.filter((file) => file.includes('/node_modules/eventemitter3/')).length).toBeGreaterThan(0)
    expect(files.map(nameOf).filter(Boolean)).toEqual([])
    expect(globals).toEqual([])
  })

  test('loads no package of the sandbox; nor does the table of them', () => {
    const loaded = (entry: string) => loadedBy(entry).files.filter((file) => file.includes('/packages/generated/'))
    expect(loaded('./src/index.ts')).toEqual([])
    expect(loaded('./src/transform/packages/packages.ts')).toEqual([])
    expect(loaded('./src/transform/packages/generated/ms.generated.ts')).toHaveLength(1)
  })

  test('would be seen loading each of them', () => {
    expect(loadedBy('@duckdb/node-api').files.map(nameOf)).toContain('@duckdb')
    const { files, globals } = loadedBy('ses')
    expect(files.map(nameOf)).toContain('ses')
    expect(globals).toContain('lockdown')
  })
})
