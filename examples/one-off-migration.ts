// A one-off migration: 500 customers of an old system, exported as CSV, into Iterable. DuckDB reads the file; `plan`
// says what would be sent before anything is; the store makes it resumable: what was accepted is not sent again.
//
//     npx tsx examples/one-off-migration.ts

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  explain,
  IdentityResolver,
  IterableDestination,
  ListDeltaComputer,
  planText,
  type RunReport,
  Sync,
  Transform,
} from 'lakeloop'
import { DuckDbSource } from 'lakeloop/sources/duckdb'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import { FakeIterable } from 'lakeloop/testing'

const folder = await mkdtemp(join(tmpdir(), 'lakeloop-migration-'))
const csv = join(folder, 'customers.csv')
await writeFile(csv, customers())

// Stands for your project: one field exists already, so that its type is decided.
const iterable = new FakeIterable({ projectType: 'email', fields: { signedUpOn: 'date' } })
const { url, close } = await iterable.listen()

// #region migration
const store = new SqliteStore({ path: join(folder, 'migration.db') })
const source = new DuckDbSource({
  name: 'customers.csv',
  query: `SELECT id, email, first_name, plan, signed_up_on, orders FROM read_csv('${csv}', header = true)`,
  key: ['id'],
})
const destination = new IterableDestination({
  project: 'shop',
  apiKey: 'fake-key',
  dataCenter: 'us',
  projectType: 'email',
  baseUrl: url,
  createNewFields: true,
  newNumbers: 'long',
})
const sync = new Sync({
  name: 'migration',
  source,
  transform: Transform.fromFile(join(import.meta.dirname, 'migration.transform.js')),
  identity: new IdentityResolver({
    store,
    target: 'email',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: 1, anchor: true }, email: { priority: 2 } },
  }),
  lists: new ListDeltaComputer({ store }),
  destination,
  store,
})
// #endregion

try {
  // #region plan
  const plan = await sync.plan() // reads, transforms and asks Iterable what it knows; sends nothing
  console.log(planText(plan))
  // => plan of migration: 500 rows read, 0 unchanged
  // =>   users/bulkUpdate: 1 requests, 488 actions, 86283 bytes
  // =>   makes fields: firstName, orders, plan
  // =>   7 rows parked: the person has no email yet. Nothing to do: it is tried again when identity learns one.
  // =>   5 rows rejected: field signedUpOn is date in the destination and the row has string. Send the field as date, or under a new name.
  // =>   identifiers that join nobody: email: 4 blocked
  // =>   time at the pace: 0.3 s (rows 0.3 s)
  console.log(iterable.ledger.users().length, 'users in Iterable')
  // => 0 users in Iterable

  tell(await sync.run({ plan })) // sends exactly that, or stops
  // => complete: 500 read, 488 accepted, 0 unchanged, 5 rejected, 7 parked
  // => requests: { 'users/bulkUpdate': 1 }
  // =>   7 parked: the person has no email yet. Nothing to do: it is tried again when identity learns one.
  // =>   5 rejected: field signedUpOn is date in the destination and the row has string. Send the field as date, or under a new name.
  // #endregion

  // #region again
  tell(await sync.run()) // reads the file again, and recognises what was accepted
  // => complete: 500 read, 0 accepted, 488 unchanged, 5 rejected, 7 parked
  // => requests: {}
  // =>   7 parked: the person has no email yet. Nothing to do: it is tried again when identity learns one.
  // =>   5 rejected: field signedUpOn is date in the destination and the row has string. Send the field as date, or under a new name.
  // #endregion
} finally {
  await sync.close()
  await source.close()
  await destination.close()
  await store.close()
  await close()
  await rm(folder, { recursive: true })
}

/** What became of the rows, how many requests that took, and why some did not arrive. */
function tell({ status, rows, requests, reasons }: RunReport): void {
  const { read, accepted, unchanged, rejected, parked } = rows
  console.log(
    `${status}: ${read} read, ${accepted} accepted, ${unchanged} unchanged, ${rejected} rejected, ${parked} parked`,
  )
  console.log('requests:', requests)
  for (const { status, reason, rows } of reasons) {
    console.log(`  ${rows} ${status}: ${explain(reason.code, reason.facts)}`)
  }
}

/** What such files look like: most rows are fine, some have no email, a placeholder, or a date of another country. */
function customers(): string {
  const lines = ['id,email,first_name,plan,signed_up_on,orders']
  for (let n = 1; n <= 500; n += 1) {
    const email = n % 150 === 0 ? '' : n % 125 === 0 ? 'none' : `customer-${n}@example.com`
    const day = String((n % 28) + 1).padStart(2, '0')
    const signedUpOn = n % 100 === 7 ? `${day}.03.2021` : `2021-03-${day}`
    lines.push(`c-${n},${email},Customer ${n},${n % 3 === 0 ? 'pro' : 'free'},${signedUpOn},${n % 20}`)
  }
  return lines.join('\n')
}
