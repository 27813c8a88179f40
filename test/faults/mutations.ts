/**
 * Plants each bug of mutation-list.ts in a copy of the source, one at a time, and runs the tests that have to find it.
 * Ends with a closing line; a bug that no test finds is a failure. A word after the command chooses by name.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MUTATIONS, type Mutation } from './mutation-list.js'

const ROOT = join(import.meta.dirname, '../..')
const copy = mkdtempSync(join(tmpdir(), 'lakeloop-mutations-'))
for (const part of ['src', 'test', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsup.config.ts']) {
  cpSync(join(ROOT, part), join(copy, part), { recursive: true })
}
symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))

/** Histories of the simulation that are enough: the planted bugs of its own test are found in fewer. */
const LAWS = { LAW_RUNS: '120', LAW_SEED: '9' }

/** How many tests passed and failed; what cannot be loaded fails none, and so finds nothing. */
function played(tests: readonly string[]): { readonly passed: number; readonly failed: number; readonly text: string } {
  const args = ['run', '--config', 'test/vitest.config.ts', '--project', 'unit', '--bail', '1']
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', ...args, ...tests.map((file) => `test/${file}`)],
    { cwd: copy, encoding: 'utf8', env: { ...process.env, ...LAWS, NO_COLOR: '1' } },
  )
  const count = (what: string): number => Number(new RegExp(`^ +Tests .*?(\\d+) ${what}`, 'm').exec(stdout)?.[1] ?? 0)
  return { passed: count('passed'), failed: count('failed'), text: stdout + stderr }
}

function isFound({ file, find, replace, tests }: Mutation): boolean {
  const path = join(copy, 'src', file)
  const source = readFileSync(path, 'utf8')
  if (source.split(find).length !== 2) throw new Error(`src/${file} does not hold this exactly once: ${find}`)
  writeFileSync(
    path,
    source.replace(find, () => replace),
  )
  try {
    return played(tests).failed > 0
  } finally {
    writeFileSync(path, source)
  }
}

const chosen = MUTATIONS.filter(({ name }) => name.includes(process.argv[2] ?? ''))
let [killed, survived] = [0, 0]
try {
  const sound = played([...new Set(chosen.flatMap(({ tests }) => tests))])
  if (sound.failed > 0 || sound.passed === 0) throw new Error(`the tests fail without any bug:\n${sound.text}`)
  for (const mutation of chosen) {
    const found = isFound(mutation)
    if (found) killed += 1
    else survived += 1
    console.log(`${found ? 'killed  ' : 'SURVIVED'}  ${mutation.name}`)
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
console.log(`\n${killed} passed, ${survived} failed, 0 skipped`)
if (survived > 0) process.exitCode = 1
