import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { LakeloopError } from '../errors.js'
import { SANDBOX_OPTIONS, SANDBOX_TEXT } from '../transform/declared/sandbox-text.js'
import { type Problem, spoken } from './problem.js'

/** The first major version whose compiler knows all of our options, `moduleResolution: bundler` above all. */
const MAJOR_MIN = 5

/**
 * What the compiler of the project says of a program, with the row types that it imports. The command `tsc` is run, which
 * every version has: TypeScript 7 has no stable API for programs.
 *
 * @param packages  that the program may import without being installed: of any type then
 * Throws  PEER_MISSING; ROW_TYPES_UNCHECKED where it says nothing that can be read.
 */
export async function typeProblems(
  file: string,
  row: string,
  packages: ReadonlySet<string>,
): Promise<readonly Problem[]> {
  const compiler = await installed(file)
  const folder = await mkdtemp(join(tmpdir(), 'lakeloop-check-'))
  try {
    const sandbox = join(folder, 'sandbox.d.ts')
    await writeFile(sandbox, SANDBOX_TEXT)
    const files = [sandbox, resolve(row), resolve(file)]
    const project = join(folder, 'tsconfig.json')
    await writeFile(project, JSON.stringify({ compilerOptions: SANDBOX_OPTIONS, files }))
    const said = await run(compiler, ['-p', project, '--pretty', 'false'], dirname(resolve(file)))
    return problemsOf(said, file).filter((problem) => !isUntyped(problem, packages))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The path of `tsc`: that of the program's own project, else of the folder where we were called. */
async function installed(file: string): Promise<string> {
  for (const folder of [dirname(resolve(file)), resolve()]) {
    const found = manifestFrom(folder)
    if (found === undefined) continue
    const { version, bin } = JSON.parse(await readFile(found, 'utf8')) as { version: string; bin: { tsc: string } }
    if (Number.parseInt(version, 10) >= MAJOR_MIN) return join(dirname(found), bin.tsc)
    throw new LakeloopError('PEER_MISSING', { package: `typescript@${MAJOR_MIN}` })
  }
  throw new LakeloopError('PEER_MISSING', { package: 'typescript' })
}

function manifestFrom(folder: string): string | undefined {
  try {
    return createRequire(join(folder, 'any.js')).resolve('typescript/package.json')
  } catch {
    return undefined
  }
}

interface Said {
  readonly exit: number | string
  readonly text: string
}

function run(compiler: string, args: readonly string[], cwd: string): Promise<Said> {
  return new Promise((done) => {
    execFile(process.execPath, [compiler, ...args], { cwd, maxBuffer: 2 ** 26 }, (error, stdout) => {
      done({ exit: error === null ? 0 : (error.code ?? 'killed'), text: stdout })
    })
  })
}

/** Says that a package of the sandbox is not installed here, or has no types. */
function isUntyped({ code, message }: Problem, packages: ReadonlySet<string>): boolean {
  const [, name = ''] = /module '([^']+)'/.exec(message) ?? []
  return (code === 'TS2307' || code === 'TS7016') && packages.has(name)
}

/** Lines of `tsc --pretty false`: a problem, and behind it, further in, what led to it. */
function problemsOf({ exit, text }: Said, file: string): readonly Problem[] {
  const found: Problem[] = []
  let reason = ''
  for (const line of text.split(/\r?\n/)) {
    const [, path, at, column, code, message] = /^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$/.exec(line) ?? []
    const before = found.at(-1)
    if (path !== undefined && code !== undefined && message !== undefined) {
      const place = { line: Number(at), column: Number(column) }
      found.push({ file: spoken(resolve(dirname(file), path), file), ...place, code, message })
      reason = message
    } else if (/^\s+\S/.test(line) && before !== undefined) {
      // The last line is the innermost reason; those between repeat whole types.
      found[found.length - 1] = { ...before, message: `${reason} ${line.trim()}` }
    } else if (line.trim() !== '') throw unchecked(file, line.trim())
  }
  if (exit !== 0 && found.length === 0) throw unchecked(file, `tsc ended with ${exit}`)
  return found
}

const unchecked = (file: string, problem: string) => new LakeloopError('ROW_TYPES_UNCHECKED', { file, problem })
