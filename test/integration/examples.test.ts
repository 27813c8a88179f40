import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { steady } from './steady.js'

const ROOT = join(import.meta.dirname, '../..')
const EXAMPLES = join(ROOT, 'examples')
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

const programs = readdirSync(EXAMPLES).filter((name) => name.endsWith('.ts'))

/** What a program says it prints: its `// =>` lines, or the file beside it. */
function promised(name: string): string {
  const file = join(EXAMPLES, name.replace(/\.ts$/, '.out.txt'))
  if (existsSync(file)) return readFileSync(file, 'utf8')
  const lines = readFileSync(join(EXAMPLES, name), 'utf8').matchAll(/^\s*\/\/ => ?(.*)$/gm)
  return [...lines].map(([, line]) => `${line}\n`).join('')
}

/** Runs a program in an empty folder, with an empty folder for temporary files, and tells what it leaves there. */
async function run(name: string): Promise<{ code: number | null; printed: string; said: string; left: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'lakeloop-example-'))
  const [cwd, temporary] = [join(folder, 'cwd'), join(folder, 'tmp')]
  mkdirSync(cwd)
  mkdirSync(temporary)
  try {
    const child = spawn(process.execPath, ['--import', TSX, join(EXAMPLES, name)], {
      cwd,
      env: {
        ...process.env,
        TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json'),
        TMPDIR: temporary,
        NO_COLOR: '1',
        TZ: 'UTC',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 55_000,
      killSignal: 'SIGKILL',
    })
    let [printed, said] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    // 'close' comes when the pipes are shut: a grandchild that outlives the program would hold them.
    const code = await new Promise<number | null>((done, fail) => child.on('close', done).on('error', fail))
    const isOurs = (entry: string): boolean => !entry.startsWith('tsx-') && entry !== 'node-compile-cache'
    return { code, printed, said, left: [...readdirSync(cwd), ...readdirSync(temporary).filter(isOurs)] }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test.each(programs)('examples/%s prints what it says, and leaves nothing behind', async (name) => {
  expect(promised(name), 'it says what it prints').not.toBe('')
  const { code, printed, said, left } = await run(name)
  expect({ code, said }).toEqual({ code: 0, said: '' })
  expect(steady(printed)).toBe(steady(promised(name)))
  expect(left).toEqual([])
})

test('the examples are there', () => {
  expect(programs).toContain('demo.ts')
})
