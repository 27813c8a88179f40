import { createRequire } from 'node:module'
import { LakeloopError } from '../../errors.js'

/**
 * The few calls that lakeloop makes of a SQLite library. A `Database` of better-sqlite3, libsql or `node:sqlite` fits as
 * it is.
 */
export interface SqliteDriver {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
}

export interface SqliteStatement {
  run(...parameters: (string | number)[]): unknown
  get(...parameters: (string | number)[]): unknown
  all(...parameters: (string | number)[]): unknown[]
}

/**
 * Runs `work` as one transaction that holds the write lock from its beginning; what it throws undoes it whole.
 *
 * Cost  from BEGIN to COMMIT the loop is not given away, so that nothing of the same connection comes between.
 */
export function transaction(driver: SqliteDriver, work: () => void): void {
  driver.exec('BEGIN IMMEDIATE')
  try {
    work()
    driver.exec('COMMIT')
  } catch (error) {
    rollBack(driver)
    throw error
  }
}

export function rollBack(driver: SqliteDriver): void {
  try {
    driver.exec('ROLLBACK')
  } catch {
    // SQLite has undone it by itself, as it does when the disk is full. The first error is the one to report.
  }
}

/** Opens the file at `path`, which may not exist yet. */
export type OpenDriver = (path: string) => SqliteDriver

/**
 * What this Node has: `node:sqlite` where it is built in (22.13 and later), else the package libsql, which stands at
 * `libsqlAt`.
 *
 * Throws  PEER_MISSING where there is neither.
 */
export function findDriver(libsqlAt: string | undefined): OpenDriver {
  return builtIn() ?? libsql(libsqlAt)
}

interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => SqliteDriver
}

/**
 * `node:sqlite`, without the ExperimentalWarning that some Node lines print when it is loaded: a library does not write
 * to its host's console. The exchange lasts for one synchronous call and swallows nothing else.
 */
export function builtIn(): OpenDriver | undefined {
  const load = (process as { getBuiltinModule?: (id: string) => unknown }).getBuiltinModule
  const emitWarning = process.emitWarning
  try {
    process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
      if (rest[0] !== 'ExperimentalWarning') Reflect.apply(emitWarning, process, [warning, ...rest])
    }
    const module = load?.('node:sqlite') as NodeSqlite | undefined
    return module && ((path) => new module.DatabaseSync(path))
  } finally {
    process.emitWarning = emitWarning
  }
}

/** The package libsql, an optional peer: loaded only here, and none of its types shows outside. */
export function libsql(at: string | undefined): OpenDriver {
  try {
    if (at === undefined) throw new Error('libsql is not installed')
    const Database = createRequire(at)(at) as new (path: string) => SqliteDriver
    return (path) => new Database(path)
  } catch (cause) {
    throw new LakeloopError('PEER_MISSING', { package: 'libsql' }, cause)
  }
}
