import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type ErrorCode, type ErrorFacts, explain, isLakeloopError } from '../errors.js'
import { Transform, type TransformFacts, type TransformOptions } from '../index.js'
import { nearest } from '../model/nearest.js'
import { columnsIn } from '../transform/declared/row-types.js'
import { SANDBOX_TEXT } from '../transform/declared/sandbox-text.js'
import { packageNames } from '../transform/packages/packages.js'
import { command, type Options } from './command.js'
import { lineOf, type Problem, sorted, spoken } from './problem.js'
import { typeProblems } from './type-check.js'
import { orUsage, UsageError } from './usage.js'

const CHECK_OPTIONS = {
  row: {
    type: 'string',
    value: 'FILE',
    says: 'row types that `lakeloop types` made; by itself churn.row.d.ts beside churn.transform.ts or churn.js',
  },
  batch: { type: 'boolean', default: false, says: 'as the option of Transform.fromFile' },
  root: { type: 'string', value: 'DIR', says: 'as the option of Transform.fromFile' },
  package: {
    type: 'string',
    multiple: true,
    default: [] as string[],
    value: 'NAME=FILE',
    says: 'a package of your own, as the option packages',
  },
  json: { type: 'boolean', says: 'one JSON object instead of a line per problem' },
  sandbox: {
    type: 'boolean',
    says: 'prints the declarations of what a program has beside ECMAScript, for the tsconfig of an editor',
  },
} as const satisfies Options

export const checkEntry = command({
  name: 'check',
  summary: 'looks for what is wrong with a transform before a run does',
  usage: ['FILE [options]', '--sandbox'],
  about: 'A line per problem: FILE:LINE:COLUMN CODE MESSAGE.',
  options: CHECK_OPTIONS,
  examples: [
    ['check churn.transform.ts', 'the program, and its types against churn.row.d.ts'],
    ['check churn.transform.ts --json', 'one JSON object, for an editor or CI'],
  ],
  exits: [0, 1, 2],
  run: async ({ args }, { say }) => ((await checkCommand(args, say)) ? 0 : 1),
})

/** Looks at a transform as a run would, and at its types. True if nothing is wrong. Throws UsageError. */
export async function checkCommand(args: readonly string[], say: (line: string) => void): Promise<boolean> {
  const { values, positionals } = orUsage(() =>
    parseArgs({ args: [...args], options: CHECK_OPTIONS, allowPositionals: true }),
  )
  if (values.sandbox === true) {
    say(SANDBOX_TEXT.trimEnd())
    return true
  }
  const [file, ...others] = positionals
  if (file === undefined || others.length > 0) throw new UsageError('check wants one file')
  const beside = rowTypesBeside(file)
  const row = values.row ?? (existsSync(beside) ? beside : undefined)
  const packages = packagesIn(values.package)
  const { facts, problems: own } = await prepared(file, { batch: values.batch, root: values.root, packages })
  const checked =
    row === undefined ? [] : await againstRow({ file, row, facts, batch: values.batch, packages }, own.length === 0)
  const problems = sorted([...own, ...checked])
  if (values.json === true) say(JSON.stringify({ file, row: row ?? null, ...readsOf(facts), problems }))
  else if (problems.length > 0) for (const problem of problems) say(lineOf(problem))
  else {
    const types = row === undefined ? `its types are not checked: there is no ${beside}` : `its types agree with ${row}`
    say(`${file}: nothing wrong; it reads ${columnsRead(facts)}; ${types}`)
  }
  return problems.length === 0
}

/** Packages of the user's own, as `name=file`. */
function packagesIn(given: readonly string[]): Readonly<Record<string, string>> {
  const pairs = given.map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)] as const)
  for (const [at, [name, path]] of pairs.entries()) {
    if (name === '' || path === '' || !given[at]?.includes('=')) throw new UsageError('--package wants NAME=FILE')
  }
  return Object.fromEntries(pairs)
}

/** `churn.row.d.ts` for `churn.transform.ts`, `churn.transform.js`, `churn.ts`. */
const rowTypesBeside = (file: string): string =>
  join(dirname(file), `${basename(file).replace(/(?:\.transform)?\.[cm]?[jt]s$/, '')}.row.d.ts`)

interface Looked {
  readonly facts: TransformFacts | undefined
  readonly problems: readonly Problem[]
}

/** What a run would find before its first row. */
async function prepared(file: string, options: TransformOptions): Promise<Looked> {
  const transform = Transform.fromFile(file, options)
  return await transform
    .prepare()
    .then(
      (facts) => ({ facts, problems: [] }),
      (error: unknown) => ({ facts: undefined, problems: [caught(error, file)] }),
    )
    .finally(() => transform.close())
}

function caught(error: unknown, file: string): Problem {
  if (isLakeloopError(error)) return problemOf(error.code, error.facts, file)
  throw error
}

/** The place stands in front already. */
function problemOf(code: ErrorCode, facts: ErrorFacts, file: string): Problem {
  const at = String(facts.at ?? '')
  const [, path = file, line = '1', column = '1'] = /^(.*):(\d+):(\d+)$/s.exec(at) ?? []
  const told = explain(code, facts)
  const message = told.startsWith(`${at}: `) ? told.slice(at.length + 2) : told
  return { file: spoken(path, file), line: Number(line), column: Number(column), code, message }
}

interface Subject {
  readonly file: string
  readonly row: string
  readonly facts: TransformFacts | undefined
  readonly batch: boolean
  readonly packages: Readonly<Record<string, string>>
}

async function againstRow(subject: Subject, isPrepared: boolean): Promise<readonly Problem[]> {
  const { file, row, facts, packages } = subject
  const page = await readFile(row, 'utf8').catch(() => undefined)
  const columns = page === undefined ? undefined : columnsIn(page)
  if (columns === undefined) {
    const problem = page === undefined ? 'cannot be read' : 'are not what sync.types() makes'
    return [problemOf('ROW_TYPES_INVALID', { file: row, problem }, row)]
  }
  const missing = (facts?.reads ?? [])
    .filter(({ column }) => !columns.includes(column))
    .map(({ column, at }) => {
      const close = nearest(column, columns)
      const hint = close === undefined ? '' : `: perhaps ${close}`
      return problemOf('ROW_COLUMN_UNKNOWN', { column, at, nearest: hint }, file)
    })
  const source = await readFile(file, 'utf8').catch(() => undefined)
  if (source === undefined) return missing // told as TRANSFORM_UNREADABLE
  if (names(source, file, row)) {
    return [
      ...missing,
      ...(await typeProblems(file, row, new Set([...packageNames, ...Object.keys(packages)])).catch(
        (error: unknown) => [caught(error, file)],
      )),
    ]
  }
  // Of a program that cannot be read the form is not known, and neither whether it would name them.
  return isPrepared ? [...missing, problemOf('ROW_TYPES_UNUSED', { line: naming(subject) }, file)] : missing
}

const pathOf = (path: string): string => resolve(path).replace(/(?:\.d)?\.[cm]?[jt]s$/, '')

/** Whether the program imports these row types, in a comment (`@type`) too. */
function names(source: string, file: string, row: string): boolean {
  const imported = source.matchAll(/(?:from|import)\s*\(?\s*(['"])(\.{1,2}\/[^'"\n]+)\1/g)
  return [...imported].some(([, , path = '']) => pathOf(join(dirname(file), path)) === pathOf(row))
}

/** The line that makes a program name them. */
function naming({ file, row, facts, batch }: Subject): string {
  const way = relative(dirname(resolve(file)), pathOf(row)).replaceAll('\\', '/')
  const path = way.startsWith('.') ? way : `./${way}`
  const name = `${batch ? 'Batch' : ''}${facts?.form === 'send' ? 'Send' : 'Transform'}`
  if (/\.[cm]?ts$/.test(file)) return `import type { ${name} } from '${path}'`
  return `/** @type {import('${path}').${name}} */`
}

const readsOf = (facts: TransformFacts | undefined) =>
  facts === undefined ? {} : { form: facts.form, reads: facts.reads, readsAll: facts.readsAll }

function columnsRead(facts: TransformFacts | undefined): string {
  const read = facts?.reads.map(({ column }) => column) ?? []
  if (facts?.readsAll === true) return 'every column'
  return read.length === 0 ? 'no column' : read.join(', ')
}
