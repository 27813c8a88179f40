// The churn use case, end to end, on embedded parts: DuckDB in this process stands for the warehouse, and the strict
// fake of lakeloop/testing, a real HTTP server on a free local port, for Iterable. Nothing to sign up for.
//
//     npm run demo
//     npm run demo:lakehouse    # real Spark and Delta instead of DuckDB: docs/lakehouse.md

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Evidence,
  explain,
  IdentityResolver,
  IterableDestination,
  ListDeltaComputer,
  type Row,
  type RunReport,
  Sync,
  Transform,
} from 'lakeloop'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import { FakeIterable } from 'lakeloop/testing'
import { openLakehouse } from './telco/lakehouse.js'
import { openWarehouse } from './telco/warehouse.js'

process.chdir(join(import.meta.dirname, '..')) // the paths below are those of the repository
const print = (line = ''): void => void process.stdout.write(`${line}\n`)

const warehouse = process.argv.includes('--lakehouse') ? await openLakehouse() : await openWarehouse()
const folder = await mkdtemp(join(tmpdir(), 'lakeloop-demo-'))
// It shares this process with the sync: on a busy machine it would count requests late, and see too many at once.
const iterable = new FakeIterable({ projectType: 'email', rates: 'off' })
const { url, close } = await iterable.listen()

// #region sync
const store = new SqliteStore({ path: join(folder, 'lakeloop.db') })

const identity = new IdentityResolver({
  store,
  target: 'email',
  namespaces: {
    customer_id: { priority: 1, maxIdentifiers: 1, anchor: true, normalise: 'idUpper' },
    user_id: { priority: 2, maxIdentifiers: 1, anchor: true },
    email: { priority: 3, maxIdentifiers: 5, hub: 20 },
    phone: { priority: 4, maxIdentifiers: 5, hub: 20 },
  },
  phoneNormalizer: (raw) => {
    const digits = raw.replace(/\D/g, '')
    return raw.startsWith('+') ? `+${digits}` : digits.length === 10 ? `+1${digits}` : undefined // a US book
  },
})

const churn = (transform: string): Sync =>
  new Sync({
    name: 'churn-scores',
    // a DuckDbSource, or with --lakehouse a DatabricksSource: what a query is read by is the same
    source: warehouse.source({
      name: 'user_churn_scores',
      query: 'SELECT * FROM analytics.user_churn_scores',
      key: ['user_id'],
      changedAt: 'updated_at',
      complete: true, // this is the whole audience: who is missing has left
      order: 'key',
    }),
    transform: Transform.fromFile(`examples/${transform}`),
    identity,
    lists: new ListDeltaComputer({ store, guard: { removedShareMax: 0.3 } }),
    destination: new IterableDestination({
      project: 'demo',
      apiKey: 'fake-key',
      dataCenter: 'us',
      projectType: 'email',
      baseUrl: url,
      createNewFields: true,
      lists: { create: true },
    }),
    store,
    settleMs: 0, // the fake fires no journeys; leave the default against the real thing
  })
// #endregion

// #region contacts
/** What the CRM knows about who is who: each record shows some identifiers of one person together. */
async function learnContacts(): Promise<void> {
  const contacts = warehouse.source({
    name: 'contacts',
    query: 'SELECT source, key, observed_at, customer_id, user_id, email, phone FROM crm.contacts',
  })
  const learned = { records: 0, identifiers: 0, blocked: 0 }
  for await (const { rows } of contacts.read({ signal: new AbortController().signal })) {
    const evidence = Array.from({ length: rows.length }, (_, at) => toEvidence(rows.at(at)))
    const { records, identifiers, blocked } = await identity.observe(evidence)
    learned.records += records
    learned.identifiers += identifiers
    learned.blocked += blocked
  }
  await contacts.close()
  print(
    `crm.contacts: ${learned.records} records with ${learned.identifiers} identifiers, ${learned.blocked} of them junk that joins nobody`,
  )
}

const toEvidence = ({ source, key, observed_at, ...ids }: Row): Evidence => ({
  source: String(source),
  key: String(key),
  observedAt: `${observed_at}Z`,
  ids: Object.entries(ids).flatMap(([namespace, value]) => (typeof value === 'string' ? [{ namespace, value }] : [])),
})
// #endregion

async function run(title: string, transform: string): Promise<RunReport> {
  const sent = iterable.ledger.requests().total
  const sync = churn(transform)
  try {
    const report = await sync.run()
    print(`\n${title}`)
    tell(report, iterable.ledger.requests().total - sent)
    return report
  } finally {
    await sync.close()
  }
}

/** The sum of the run, why rows did not arrive, the lists, the requests, the time. */
function tell(report: RunReport, requests: number): void {
  const { read, accepted, unchanged, rejected, parked, superseded, filtered } = report.rows
  print(`  ${report.status} in ${report.durationMs} ms`)
  print(
    `  rows: ${read} read = ${accepted} accepted + ${unchanged} unchanged + ${rejected} rejected + ${parked} parked ` +
      `+ ${superseded} superseded + ${filtered} filtered`,
  )
  for (const { status, reason, rows } of report.reasons) {
    print(`    ${rows} ${status}: ${explain(reason.code, reason.facts)}`)
  }
  for (const { list, add, remove, keep } of report.lists) {
    print(`  list ${list}: ${add} subscribed, ${remove} unsubscribed, ${keep} kept`)
  }
  const sent = Object.entries(report.requests).map(([endpoint, count]) => `${count} ${endpoint}`)
  const reading = requests - Object.values(report.requests).reduce((sum, count) => sum + count, 0)
  const parts = [...sent, ...(reading > 0 ? [`${reading} to learn its fields and lists`] : [])]
  print(`  requests: ${requests} received by Iterable${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`)
  if (report.status === 'complete') {
    print(`  identity: ${report.conflicts} identifiers that two profiles claim; the more recent record has it`)
  }
  if (report.error !== undefined) print(`  ${report.error.message}`)
}

try {
  await learnContacts()

  await run('Run 1: the first scores', 'churn.transform.js')
  await warehouse.secondModelRun()
  await run('Run 2: the model ran again', 'churn.transform.js')
  await warehouse.dataScientistsChange()
  await run('Run 3: a data scientist added two columns and renamed churn_risk_score', 'churn.transform.js')
  await run('Run 4: the transform is mended', 'churn-mended.transform.js')

  print(
    `\nIn Iterable now: ${iterable.ledger.users().length} users, ${iterable.ledger.members('churn-retention').length} on churn-retention`,
  )
  print('Where to look next: examples/churn.transform.js (what you would write), examples/demo.ts (how it is wired),')
  print('docs/guarantees.md (what a run promises), docs/identity.md (why some customers are parked).')
} finally {
  await close()
  await store.close()
  await warehouse.close()
  await rm(folder, { recursive: true })
}
