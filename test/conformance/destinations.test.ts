import { describe, expect, test } from 'vitest'
import type { Delivery, Destination, PreparedRequest } from '../../src/destinations/destination.js'
import type { Action } from '../../src/model/action.js'
import { actionAt } from '../../src/model/action-block.js'
import type { JsonObject } from '../../src/model/value.js'
import { conformance, type DestinationSetup, destinationConformance, FakeIterable } from '../../src/testing/index.js'
import { answer, event, member, profile, stubbed } from '../destinations/iterable-stub.js'
import { fetchOf } from '../sync/list-life.js'

/** The least that a connector of one's own has to be: one request per action, kept in a map. */
function tiny(): DestinationSetup {
  const held = new Map<string, JsonObject>()
  const delivery: Delivery = {
    prepare(actions) {
      const requests: PreparedRequest[] = []
      const refused = []
      for (let index = 0; index < actions.length; index += 1) {
        const { id } = actions.identifiers(index)
        if (id === undefined) refused.push({ action: index, reason: { code: 'IDENTIFIER_MISSING', facts: {} } })
        else {
          const body = Buffer.from(JSON.stringify([id, actionAt(actions, index)]))
          requests.push({ endpoint: 'put', actions: [index], body })
        }
      }
      return { requests, refused }
    },
    split: (request) => [request],
    async apply(request) {
      const [id, action] = JSON.parse(Buffer.from(request.body).toString())
      held.set(id, action)
      return [{ status: 'accepted' }]
    },
    close: async () => ({}),
  }
  const destination: Destination = {
    name: 'tiny',
    project: 'p',
    addressedBy: 'id',
    open: async () => delivery,
    close: async () => {},
  }
  return {
    destination,
    action: (n) => ({ kind: 'profile', identifiers: { id: `person-${n}` }, dataFields: { n } }),
    again: (n) => ({ kind: 'profile', identifiers: { id: `person-${n}` }, dataFields: { n: n + 1_000 } }),
    state: () => [...held],
  }
}

/** The Iterable destination over answers of its own test bench: what it sent is the state. */
function iterable(kind: 'profile' | 'event' | 'membership') {
  return (): DestinationSetup => {
    const stub = stubbed({
      fields: { n: 'double' },
      knownLists: [{ id: 7, name: 'vip', listType: 'Standard' }],
      sizeMax: 8,
    })
    return {
      destination: stub.destination,
      action: (n) => {
        const email = `person-${n}@example.com`
        if (kind === 'event') return event(email, 'seen', { dataFields: { n } })
        return kind === 'profile' ? profile(email, { n }) : member(email, 'vip', n % 2 === 0)
      },
      state: () => {
        const rows = stub.seen.flatMap(({ json }) => [
          ...(json.users ?? []),
          ...(json.events ?? []),
          ...(json.subscribers ?? []),
        ])
        return [...new Set(rows.map((row) => JSON.stringify(row)))].sort()
      },
      revoke: () => {
        const no = () => answer({ msg: 'Invalid API key', code: 'BadApiKey', params: null }, 401)
        for (const path of ['users/getFields', 'users/bulkUpdate', 'events/trackBulk', 'lists/subscribe'])
          stub.scripted(path, no)
      },
    }
  }
}

/** What one action of each kind says about somebody; `n` is its value. */
const SAYING: Readonly<Record<string, (n: number, who: number) => object>> = {
  profile: (n) => ({ dataFields: { n } }),
  event: (n, who) => ({ eventName: 'seen', id: `event-${who}`, createdAt: 1_700_000_000, dataFields: { n } }),
  purchase: (n, who) => ({ id: `order-${who}`, total: n, items: [TEA], createdAt: 1_700_000_000 }),
  cart: (n) => ({ items: [{ ...TEA, quantity: n + 1 }] }),
  subscription: (n) => ({ unsubscribedChannelIds: [n + 1] }),
  catalogItem: (n, who) => ({ catalog: 'shoes', item: `sku-${who}`, dataFields: { n } }),
}
const TEA = { id: 'tea', name: 'Tea', price: 2.5, quantity: 1 }

/** The same over the strict fake, which keeps what it is sent and shows who is on a list. */
const overFake = (projectType: 'email' | 'userId' | 'hybrid', kind: string) => (): DestinationSetup => {
  const fake = new FakeIterable({
    projectType,
    rates: 'off',
    lists: ['vip'],
    catalogs: ['shoes'],
    fields: { n: 'double' },
    unsure: { trackBulkCreates: true },
  })
  const addressBy = projectType === 'hybrid' ? ({ addressBy: 'userId' } as const) : {}
  const options = { apiKey: 'fake-key', projectType, createNewFields: true, ...addressBy }
  const { destination } = stubbed({ ...options, fetch: fetchOf(fake) })
  const who = (n: number) =>
    projectType === 'email' ? { email: `person-${n}@example.com` } : { userId: `person-${n}` }
  const said = (n: number, value: number) =>
    ({ kind, identifiers: kind === 'catalogItem' ? {} : who(n), ...SAYING[kind]?.(value, n) }) as Action
  const { ledger } = fake
  return {
    destination,
    action: (n) => said(n, n),
    again: (n) => said(n, n + 1_000),
    state: () =>
      JSON.parse(
        JSON.stringify([
          [...ledger.people],
          ledger.events(),
          ledger.purchases,
          [...(ledger.catalogs.get('shoes')?.items ?? [])].map(([item, { value }]) => [item, value]),
        ]),
      ),
    revoke: () => fake.revoke(),
    list: 'vip',
    members: (n) => ({ kind: 'membership', identifiers: who(n), list: 'vip', member: true }),
  }
}

const DESTINATIONS: readonly (readonly [string, () => DestinationSetup])[] = [
  ['a destination of one page', tiny],
  ['IterableDestination with profiles', iterable('profile')],
  ['IterableDestination with events', iterable('event')],
  ['IterableDestination with memberships', iterable('membership')],
  ['IterableDestination over the fake: profiles by email', overFake('email', 'profile')],
  ['IterableDestination over the fake: profiles by userId', overFake('userId', 'profile')],
  ['IterableDestination over the fake: profiles of a hybrid project', overFake('hybrid', 'profile')],
  ['IterableDestination over the fake: events', overFake('userId', 'event')],
  ['IterableDestination over the fake: purchases', overFake('email', 'purchase')],
  ['IterableDestination over the fake: carts', overFake('email', 'cart')],
  ['IterableDestination over the fake: subscriptions', overFake('email', 'subscription')],
  ['IterableDestination over the fake: catalog items', overFake('email', 'catalogItem')],
]

describe.each(DESTINATIONS)('%s', (_, make) => {
  conformance({ test }, destinationConformance, async () => make())
})

/** One fault each: the suite must notice it. */
const FAULTS: readonly (readonly [string, (delivery: Delivery) => Partial<Delivery>])[] = [
  [
    'loses an action',
    (whole) => ({ prepare: async (actions) => ({ ...(await whole.prepare(actions)), refused: [] }) }),
  ],
  [
    'prepares one twice',
    (whole) => ({
      async prepare(actions) {
        const { requests, refused } = await whole.prepare(actions)
        return { requests: [...requests, ...requests.slice(0, 1)], refused }
      },
    }),
  ],
  [
    'names people in endpoints',
    (whole) => ({
      async prepare(actions) {
        const { requests, refused } = await whole.prepare(actions)
        const named = requests.map((one) => ({
          ...one,
          endpoint: `put/${actions.identifiers(one.actions[0] ?? 0).id}`,
        }))
        return { requests: named, refused }
      },
    }),
  ],
  [
    'counts its calls into the body',
    (whole) => {
      let calls = 0
      return {
        async prepare(actions) {
          calls += 1
          const { requests, refused } = await whole.prepare(actions)
          return {
            requests: requests.map((one) => ({
              ...one,
              body: Buffer.concat([one.body, Buffer.from(' '.repeat(calls))]),
            })),
            refused,
          }
        },
      }
    },
  ],
  [
    'foresees a person',
    () => ({
      foresee: ({ body }) => ({ creates: [{ kind: 'list', name: JSON.parse(Buffer.from(body).toString())[0] }] }),
    }),
  ],
  ['foresees no pace', () => ({ foresee: () => ({ creates: [], perSecond: 0 }) })],
  ['gives no outcome', () => ({ apply: async () => [] })],
  ['learns no JSON', () => ({ close: async () => ({ at: new Date(0) }) as never })],
]

test.each(FAULTS)('the suite notices a destination that %s', async (_, fault) => {
  const make = async (): Promise<DestinationSetup> => {
    const setup = tiny()
    const delivery = await setup.destination.open(AbortSignal.abort())
    const broken = { ...delivery, ...fault(delivery) }
    return { ...setup, destination: { ...setup.destination, open: async () => broken } }
  }
  const ends = await Promise.allSettled(destinationConformance.map(({ run }) => run(make)))
  expect(ends.some((end) => end.status === 'rejected')).toBe(true)
})
