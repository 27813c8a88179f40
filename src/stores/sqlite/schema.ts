import { LakeloopError } from '../../errors.js'
import { TABLES } from '../store.js'
import { type SqliteDriver, transaction } from './driver.js'

/** One step from a version of the file to the next. Steps are added at the end and never changed or taken back. */
export type Migration = (driver: SqliteDriver) => void

/**
 * Version 1: a table `lakeloop` for facts about the file, and one table of keys and JSON texts for each table of the
 * contract. A table that joins the contract later has the same shape and is no new version.
 */
export const MIGRATIONS: readonly Migration[] = [
  (driver) => driver.exec('CREATE TABLE lakeloop (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID'),
]

/**
 * Brings a file to this version; takes the write lock only where there is something to do.
 *
 * Throws  STORE_VERSION_NEWER, STORE_CORRUPT for a database that holds other tables; and what the driver throws.
 */
export function migrate(driver: SqliteDriver, file: string, migrations: readonly Migration[] = MIGRATIONS): void {
  if (isCurrent(driver, file, migrations)) return
  transaction(driver, () => {
    // Read again under the lock: another process may have done it meanwhile.
    if (!isCurrent(driver, file, migrations)) bringUp(driver, file, migrations)
  })
}

function isCurrent(driver: SqliteDriver, file: string, migrations: readonly Migration[]): boolean {
  const present = tablesOf(driver)
  return (
    versionOf(driver, file, present, migrations) === migrations.length && TABLES.every((table) => present.has(table))
  )
}

function bringUp(driver: SqliteDriver, file: string, migrations: readonly Migration[]): void {
  for (const step of migrations.slice(versionOf(driver, file, tablesOf(driver), migrations))) step(driver)
  driver.prepare('INSERT OR REPLACE INTO lakeloop VALUES (?, ?)').run('version', migrations.length)
  for (const table of TABLES) {
    driver.exec(`CREATE TABLE IF NOT EXISTS "${table}" (k TEXT PRIMARY KEY, v TEXT NOT NULL) WITHOUT ROWID`)
  }
}

function tablesOf(driver: SqliteDriver): ReadonlySet<string> {
  const rows = driver.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[]
  return new Set(rows.map(({ name }) => name))
}

function versionOf(
  driver: SqliteDriver,
  file: string,
  present: ReadonlySet<string>,
  migrations: readonly Migration[],
): number {
  if (!present.has('lakeloop')) {
    if (present.size > 0) throw new LakeloopError('STORE_CORRUPT', { file })
    return 0
  }
  const row = driver.prepare("SELECT value FROM lakeloop WHERE name = 'version'").get() as { value: number } | undefined
  if (row === undefined) throw new LakeloopError('STORE_CORRUPT', { file })
  if (row.value > migrations.length) throw new LakeloopError('STORE_VERSION_NEWER', { file, version: row.value })
  return row.value
}
