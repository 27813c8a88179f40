import { isLakeloopError } from '../../errors.js'
import type { DriftChange } from '../../model/report.js'
import type { Json } from '../../model/value.js'
import type { ColumnOrigin } from '../source.js'
import type { TableName } from './sql-text.js'
import { type Asking, type Commit, commitsAfter, placeOf, type TableFacts } from './table-facts.js'

type Named = Pick<DriftChange, 'kind' | 'column'>

/**
 * What the table's history says of each change; nothing where it does not reach back, is not allowed to us, or is another
 * table's by now: then the changes stand without their commits.
 */
export async function whoChanged(
  { asking, table, facts }: { readonly asking: Asking; readonly table: TableName; readonly facts: TableFacts },
  changes: readonly Named[],
  since: string,
): Promise<readonly (ColumnOrigin | undefined)[]> {
  const after = /^\d+(?=@)/.exec(since)?.[0]
  const { id, version } = facts
  if (after === undefined || version === undefined || placeOf({ id, version: Number(after) }) !== since) return []
  try {
    return originsOf(changes, await commitsAfter(asking, table, { after: Number(after), latest: version }))
  } catch (error) {
    if (isLakeloopError(error, 'SOURCE_HISTORY_GONE') || isLakeloopError(error, 'SOURCE_FORBIDDEN')) return []
    throw error
  }
}

/**
 * The commit behind each change, in their order; `undefined` where the history names none. A renaming is followed to the
 * name that the column has now. Source of operations and parameters: delta-io/delta DeltaOperations.scala.
 *
 * @param commits  since the schema that the changes are seen against, oldest first
 * Laws            pure; an operation that is not known says nothing.
 */
export function originsOf(
  changes: readonly Named[],
  commits: readonly Commit[],
): readonly (ColumnOrigin | undefined)[] {
  return changes.map(({ kind, column }) => {
    if (kind === 'dropped' || kind === 'renamed') return left(column, commits)
    const made = commits.findLast((commit) => touches(commit, kind === 'added' ? 'came' : 'changed', column))
    return made === undefined ? undefined : told(made)
  })
}

/** What became of a column that is not there under its name: renamed, perhaps several times, or dropped at last. */
function left(column: string, commits: readonly Commit[]): ColumnOrigin | undefined {
  let name = column
  let origin: ColumnOrigin | undefined
  for (const commit of commits) {
    const { operation, parameters } = commit
    if (operation === 'RENAME COLUMN' && pathOf(parameters.oldColumnPath).join('.') === name) {
      name = pathOf(parameters.newColumnPath).join('.')
      origin = { ...told(commit), renamedTo: name }
    } else if (
      operation === 'DROP COLUMNS' &&
      pathsOf(parameters.columns).some(([first, ...rest]) => first === name && rest.length === 0)
    ) {
      return told(commit)
    } else if (operation === 'REPLACE COLUMNS' && !columnsOf(parameters.columns).includes(name)) {
      return told(commit)
    }
  }
  return origin
}

/** Whether a commit made a column, or changed it or something inside it. */
function touches({ operation, parameters }: Commit, how: 'came' | 'changed', column: string): boolean {
  if (operation === 'ADD COLUMNS') {
    // The name of a nested one is its path.
    const paths = parsed(parameters.columns).map((one) => pathOf(nameOf(one.column)))
    return paths.some(([first, ...rest]) => first === column && rest.length > 0 === (how === 'changed'))
  }
  if (operation === 'RENAME COLUMN') {
    const [path, from] = [pathOf(parameters.newColumnPath), pathOf(parameters.oldColumnPath)]
    return how === 'came' ? path.join('.') === column : from.length > 1 && from[0] === column
  }
  if (how === 'came') return operation === 'REPLACE COLUMNS' && columnsOf(parameters.columns).includes(column)
  if (operation === 'CHANGE COLUMN') return firstOf(parameters.column, parameters.columnPath) === column
  if (operation === 'CHANGE COLUMNS')
    return parsed(parameters.columns).some((one) => firstOf(one.column, one.columnPath ?? one.path) === column)
  if (operation === 'DROP COLUMNS')
    return pathsOf(parameters.columns).some((path) => path.length > 1 && path[0] === column)
  return operation === 'REPLACE COLUMNS'
}

const told = ({ version, at, user }: Commit): ColumnOrigin => ({ version, at, ...(user === undefined ? {} : { user }) })

/** The top-level column that a change of a column is about: the first part of its path, or its own name. */
function firstOf(column: Json | undefined, path: Json | undefined): string | undefined {
  return pathOf(path)[0] ?? nameOf(typeof column === 'string' ? parsedOne(column) : column)
}

const nameOf = (column: Json | undefined): string | undefined => {
  const name = (column as { readonly name?: Json } | null | undefined)?.name
  return typeof name === 'string' ? name : undefined
}

const columnsOf = (text: Json | undefined): readonly (string | undefined)[] =>
  parsed(text).map((one) => nameOf(one.column ?? one))

const pathsOf = (text: Json | undefined): readonly (readonly string[])[] => {
  const names = typeof text === 'string' ? parsedOne(text) : text
  return Array.isArray(names) ? names.map((name) => pathOf(name)) : []
}

/** `a.b` as its parts; one with odd letters stands in back-quotes. */
function pathOf(path: Json | undefined): readonly string[] {
  if (typeof path !== 'string' || path === '') return []
  return [...path.matchAll(/`((?:[^`]|``)*)`|([^.`]+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('``', '`') ?? plain ?? '',
  )
}

type Parsed = Readonly<Record<string, Json>>

function parsed(text: Json | undefined): readonly Parsed[] {
  const value = typeof text === 'string' ? parsedOne(text) : text
  return Array.isArray(value) ? value.filter((one): one is Parsed => typeof one === 'object' && one !== null) : []
}

/** Parameters of the history are JSON in text; what cannot be read says nothing. */
function parsedOne(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return null
  }
}
