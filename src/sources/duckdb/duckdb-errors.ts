import { isLakeloopError, LakeloopError } from '../../errors.js'

/**
 * What DuckDB threw, as one of our codes.
 *
 * DuckDB's messages quote values and the text of the query. Only the kind, the line and names are taken over (I7); what
 * was caught is behind `causeOf`.
 */
export function duckDbError(error: unknown, source: string): LakeloopError {
  if (isLakeloopError(error)) return error
  const message = error instanceof Error ? error.message : String(error)
  const table = /^Catalog Error: Table with name "?([^"\n]+?)"? does not exist/.exec(message)?.[1]
  if (table !== undefined) {
    return new LakeloopError('SOURCE_TABLE_MISSING', { source, table: named(table) }, error)
  }
  const column =
    /^Binder Error: Referenced column "([^"\n]*)" not found/.exec(message)?.[1] ??
    /^Binder Error: .*? does not have a column named "([^"\n]*)"/.exec(message)?.[1]
  if (column !== undefined) {
    const candidates = candidatesOf(message)
    return new LakeloopError('SOURCE_COLUMN_MISSING', { source, column: named(column), candidates }, error)
  }
  const kind = /^(?:Failed to extract statements: )?(\w+(?: \w+)?) Error: /.exec(message)?.[1] ?? 'unknown'
  if (kind === 'IO' || kind === 'Connection') {
    return new LakeloopError('SOURCE_UNREACHABLE', { source, problem: ioProblem(message) }, error)
  }
  if (/^(?:Internal|FATAL|Out of Memory|unknown)$/i.test(kind)) {
    return new LakeloopError('SOURCE_FAILED', { source }, error)
  }
  const line = [...message.matchAll(/^LINE (\d+):/gm)].at(-1)?.[1]
  const problem = `${PROBLEMS[kind] ?? `${kind.toLowerCase()} error`}${line === undefined ? '' : ` at line ${line}`}`
  return new LakeloopError('SOURCE_QUERY_INVALID', { source, problem }, error)
}

const PROBLEMS: Readonly<Record<string, string>> = {
  Parser: 'syntax error',
  Binder: 'it does not fit the tables',
  Catalog: 'it names something that is not there',
  Conversion: 'a value cannot be cast to the type asked for',
  'Out of Range': 'a value is out of range',
}

function ioProblem(message: string): string {
  if (/lock|already attached|used by another process/i.test(message)) return ': the file is locked by another process'
  if (/not a valid DuckDB database|storage|version/i.test(message))
    return ': the file is no DuckDB database of this version'
  return ': a file cannot be read'
}

/** A name as it is; anything that could be a value in double quotes is not shown. */
const named = (name: string): string => (/^[\p{L}_][\p{L}\p{N}_.$ -]{0,127}$/u.test(name) ? name : '(a quoted text)')

function candidatesOf(message: string): string {
  const line = /^Candidate bindings: ?:? ?(.+)$/m.exec(message)?.[1] ?? ''
  const names = [...line.matchAll(/"([^"]+)"/g)].map(([, name = '']) => named(name))
  return names.length === 0 ? '' : ` to ${names.join(' or ')}`
}
