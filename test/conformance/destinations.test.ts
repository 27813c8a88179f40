import { describe, expect, test } from 'vitest'
import type { Delivery, Destination, PreparedRequest } from '../../src/destinations/destination.js'
import { actionAt } from '../../src/model/action-block.js'
import type { Json, JsonObject } from '../../src/model/value.js'
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

/** The same over the strict fake, which keeps what it is sent and shows who is on a list. */
function overFake(): DestinationSetup {
  const fake = new FakeIterable({ projectType: 'email', rates: 'off', lists: ['vip'], fields: { n: 'double' } })
  const { destination } = stubbed({ apiKey: 'fake-key', fetch: fetchOf(fake) })
  const email = (n: number) => `person-${n}@example.com`
  return {
    destination,
    action: (n) => profile(email(n), { n }),
    again: (n) => profile(email(n), { n: n + 1_000 }),
    state: () => [...fake.ledger.field('n')] as Json,
    revoke: () => fake.revoke(),
    list: 'vip',
    members: (n) => ({ kind: 'membership', identifiers: { email: email(n) }, list: 'vip', member: true }),
  }
}

const DESTINATIONS: readonly (readonly [string, () => DestinationSetup])[] = [
  ['a destination of one page', tiny],
  ['IterableDestination with profiles', iterable('profile')],
  ['IterableDestination with events', iterable('event')],
  ['IterableDestination with memberships', iterable('membership')],
  ['IterableDestination over the fake', overFake],
]

describe.each(DESTINATIONS)('%s', (_, make) => {
  conformance({ test }, destinationConformance, async () => make())
})

/** One fault each: the suite must notice it. */
const FAULTS: readonly (readonly [string, (delivery: Delivery) => Partial<Delivery>])[] = [
  ['loses an action', (whole) => ({ prepare: (actions) => ({ ...whole.prepare(actions), refused: [] }) })],
  [
    'prepares one twice',
    (whole) => ({
      prepare(actions) {
        const { requests, refused } = whole.prepare(actions)
        return { requests: [...requests, ...requests.slice(0, 1)], refused }
      },
    }),
  ],
  [
    'names people in endpoints',
    (whole) => ({
      prepare(actions) {
        const { requests, refused } = whole.prepare(actions)
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
        prepare(actions) {
          calls += 1
          const { requests, refused } = whole.prepare(actions)
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
