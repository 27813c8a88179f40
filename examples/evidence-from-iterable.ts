// Evidence from Iterable: which inbox belongs to a customer, told by the mails that were opened in it.
//
//     npx tsx examples/evidence-from-iterable.ts

import { IdentityResolver, MemoryStore } from 'lakeloop'
import { IterableExport } from 'lakeloop/collect'
import { FakeIterable } from 'lakeloop/testing'

// Stands for your project, in which somebody opened a mail two hours ago.
const now = () => Date.UTC(2026, 10, 20, 12)
const iterable = new FakeIterable({ projectType: 'hybrid', now })
const { url, close } = await iterable.listen()
const opened = { email: 'ada@example.com', userId: 'u-1', messageId: '0123456789abcdef' }
iterable.happened({ dataType: 'emailOpen', createdAt: Date.UTC(2026, 10, 20, 10) / 1_000, fields: opened })

const identity = new IdentityResolver({
  store: new MemoryStore(),
  target: 'email',
  namespaces: {
    customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
    userId: { priority: 2, maxIdentifiers: 1 },
    email: { priority: 3 },
  },
})
// The warehouse knows which account a customer has, and no address.
const account = { source: 'crm', key: 'c-1', observedAt: '2026-11-01T00:00:00Z' }
await identity.observe([
  {
    ...account,
    ids: [
      { namespace: 'customer_id', value: 'c-1' },
      { namespace: 'userId', value: 'u-1' },
    ],
  },
])

// #region ingest
const opens = new IterableExport({
  project: 'shop',
  apiKey: 'fake-key',
  dataCenter: 'us',
  dataType: 'emailOpen',
  from: '2026-11-20T00:00:00Z',
  baseUrl: url,
  now,
})
const { rows, records } = await identity.ingest(opens, {
  key: 'person',
  observedAt: 'at',
  identifiers: { email: 'email', userId: 'userId' },
})
console.log(`${rows} events about ${records} people`)
// => 1 events about 1 people
const [answer] = await identity.resolve([{ customer_id: 'c-1' }])
console.log(answer?.status, answer?.status === 'resolved' && answer.address)
// => resolved ada@example.com
// #endregion

await opens.close()
await identity.close()
await close()
