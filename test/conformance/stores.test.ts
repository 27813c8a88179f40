import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import { overlay } from '../../src/stores/overlay.js'
import { Keys, SealedStore } from '../../src/stores/sealed.js'
import { builtIn, libsql, type OpenDriver } from '../../src/stores/sqlite/driver.js'
import { libsqlPlace } from '../../src/stores/sqlite/place.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Store } from '../../src/stores/store.js'
import { conformance, storeConformance, storeReopenConformance } from '../../src/testing/index.js'

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-stores-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
let last = ''
const reopenWith = (driver?: OpenDriver) => async (): Promise<Store> => new SqliteStore({ path: last, driver })
const openWith = (driver?: OpenDriver) => async (): Promise<Store> => {
  files += 1
  last = join(folder, `${files}.db`)
  return await reopenWith(driver)()
}

const sqlite: readonly (readonly [string, OpenDriver | undefined])[] = [
  ['SqliteStore in a thread', undefined],
  ['SqliteStore on libsql', libsql(libsqlPlace())],
  ...(builtIn() === undefined ? [] : [['SqliteStore on node:sqlite', builtIn()] as const]),
]

const KEYS = new Keys({ key: Buffer.alloc(32, 1) })

const STORES: readonly (readonly [string, () => Promise<Store>])[] = [
  ['MemoryStore', async () => new MemoryStore()],
  ['overlay of a MemoryStore', async () => overlay(new MemoryStore())],
  ['SealedStore over a MemoryStore', async () => new SealedStore(new MemoryStore(), KEYS)],
  ['SealedStore over an overlay', async () => new SealedStore(overlay(new MemoryStore()), KEYS)],
  ...sqlite.map(([name, driver]) => [name, openWith(driver)] as const),
]

describe.each(STORES)('%s', (_, open) => {
  conformance({ test }, storeConformance, open)
})

describe.each(sqlite)('%s', (_, driver) => {
  for (const { name, run } of storeReopenConformance) {
    test(name, () => run({ open: openWith(driver), reopen: reopenWith(driver) }))
  }
})
