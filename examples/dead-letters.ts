// Dead letters: a row that Iterable would refuse, looked at, mended and sent again; and one that waits for an address.
//
//     npx tsx examples/dead-letters.ts

import {
  explain,
  IdentityResolver,
  IterableDestination,
  ListDeltaComputer,
  MemoryStore,
  RowsSource,
  Sync,
  Transform,
} from 'lakeloop'
import { FakeIterable } from 'lakeloop/testing'

// Stands for your project, in which `age` is a number.
const iterable = new FakeIterable({ projectType: 'email', fields: { age: 'long' } })
const { url, close } = await iterable.listen()

const rows = [
  { id: 'c-1', email: 'ada@example.com', age: 36 },
  { id: 'c-2', email: null, age: 41 },
  { id: 'c-3', email: 'eve@example.com', age: 'thirty' },
]
const store = new MemoryStore()
const sync = new Sync({
  name: 'customers',
  source: new RowsSource({ name: 'customers', key: ['id'], rows }),
  transform: Transform.fromText(`export default ({ id, email, age }) => [
    { identifiers: { customer_id: id, email }, dataFields: { age } },
  ]`),
  identity: new IdentityResolver({
    store,
    target: 'email',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: 1, anchor: true }, email: { priority: 2 } },
  }),
  lists: new ListDeltaComputer({ store }),
  destination: new IterableDestination({
    project: 'shop',
    apiKey: 'fake-key',
    dataCenter: 'us',
    projectType: 'email',
    baseUrl: url,
  }),
  store,
  encryption: { key: Buffer.alloc(32, 'a key of your own') },
  deadLetters: { expireAfterDays: 90 },
})

const { accepted, rejected, parked } = (await sync.run()).rows
console.log(`${accepted} accepted, ${rejected} rejected, ${parked} parked`)
// => 1 accepted, 1 rejected, 1 parked

// #region replay
for await (const { id, key, reason, action } of sync.deadLetters()) {
  console.log(`row ${key}: ${explain(reason.code, reason.facts)}`)
  // => row c-3: field age is long in the destination and the row has string. Send the field as long, or under a new name.
  if (action?.kind === 'profile' && reason.code === 'FIELD_TYPE_CONFLICT') {
    await sync.editDeadLetter(id, { action: { ...action, dataFields: { age: 30 } } })
  }
}
const report = await sync.replay({ deadLetters: { reason: 'FIELD_TYPE_CONFLICT' } })
console.log(`${report.rows.read} read, ${report.rows.accepted} accepted`)
// => 1 read, 1 accepted
// #endregion

for await (const { key, reason } of sync.parked())
  console.log(`row ${key} waits: ${explain(reason.code, reason.facts)}`)
// => row c-2 waits: the person has no email yet. Nothing to do: it is tried again when identity learns one.

await sync.close()
await store.close()
await close()
