import {
  BulkDeleteCatalogItemsParamsSchema,
  CreateCatalogParamsSchema,
  GetCatalogFieldMappingsParamsSchema,
  ReplaceCatalogItemsParamsSchema,
  UpdateCatalogFieldMappingsParamsSchema,
} from '@iterable/api/dist/types/catalogs.js'
import {
  GetUserEventsByEmailParamsSchema,
  GetUserEventsByUserIdParamsSchema,
  TrackBulkEventsParamsSchema,
} from '@iterable/api/dist/types/events.js'
import {
  CreateListParamsSchema,
  GetListSizeParamsSchema,
  GetListsParamsSchema,
  GetListUsersParamsSchema,
  SubscribeToListParamsSchema,
  UnsubscribeFromListParamsSchema,
} from '@iterable/api/dist/types/lists.js'
import {
  BulkUpdateUsersParamsSchema,
  DeleteUserByEmailParamsSchema,
  DeleteUserByUserIdParamsSchema,
  GetUserByEmailParamsSchema,
  GetUserByIdParamsSchema,
  UpdateEmailParamsSchema,
} from '@iterable/api/dist/types/users.js'
import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import { deliver } from '../../src/sync/deliver.js'
import { scriptOf } from '../laws/iterable/script.js'
import { VirtualClock } from '../sync/virtual-clock.js'
import { answer, type Seen, signal, stubbed } from './iterable-stub.js'

/** Parses, and leaves out what it does not know. */
interface Schema {
  parse(body: unknown): unknown
}

/** What the official client knows of a request, and what it lacks: each gap with the reason why we send it all the same. */
interface Known {
  readonly schema: Schema
  readonly beyond?: Readonly<Record<string, string>>
  /** What the client's method takes besides the body: parts of the path. */
  readonly besides?: (path: readonly string[]) => object
}

const catalogName = ([, name = '']: readonly string[]) => ({ catalogName: name })
const KNOWN: Readonly<Record<string, Known>> = {
  'POST users/bulkUpdate': {
    schema: BulkUpdateUsersParamsSchema,
    beyond: {
      createNewFields: 'api-docs.json BulkUpdateUsersRequest: absent, the setting of the project decides',
      'users[].preferUserId': 'api-docs.json BulkUpdateUsersRequest: RudderStack and Segment send it',
    },
  },
  'POST events/trackBulk': {
    schema: TrackBulkEventsParamsSchema,
    beyond: { 'events[].createNewFields': 'api-docs.json TrackRequest; the client leaves it out as "safer"' },
  },
  'POST users/updateEmail': { schema: UpdateEmailParamsSchema },
  'POST lists': { schema: CreateListParamsSchema },
  'POST lists/subscribe': { schema: SubscribeToListParamsSchema },
  'POST lists/unsubscribe': {
    schema: UnsubscribeFromListParamsSchema,
    beyond: { channelUnsubscribe: 'api-docs.json UnsubscribeRequest; true is close to a global one, so false is said' },
  },
  'GET lists': { schema: GetListsParamsSchema },
  'POST catalogs/{}': { schema: CreateCatalogParamsSchema, besides: catalogName },
  'GET catalogs/{}/fieldMappings': { schema: GetCatalogFieldMappingsParamsSchema, besides: catalogName },
  'POST catalogs/{}/items': {
    schema: ReplaceCatalogItemsParamsSchema,
    beyond: { replaceUploadedFieldsOnly: 'the client says it itself, one method for each answer' },
    besides: catalogName,
  },
  'DELETE catalogs/{}/items': { schema: BulkDeleteCatalogItemsParamsSchema, besides: catalogName },
  'PUT catalogs/{}/fieldMappings': { schema: UpdateCatalogFieldMappingsParamsSchema, besides: catalogName },
  'GET users/getByEmail': { schema: GetUserByEmailParamsSchema },
  'GET users/byUserId/{}': {
    schema: GetUserByIdParamsSchema,
    besides: ([, , userId = '']) => ({ userId: decodeURIComponent(userId) }),
  },
  'GET events/{}': {
    schema: GetUserEventsByEmailParamsSchema,
    besides: ([, email = '']) => ({ email: decodeURIComponent(email) }),
  },
  'GET events/byUserId/{}': {
    schema: GetUserEventsByUserIdParamsSchema,
    besides: ([, , userId = '']) => ({ userId: decodeURIComponent(userId) }),
  },
  'GET lists/getUsers': {
    schema: GetListUsersParamsSchema,
    beyond: { preferUserId: 'api-docs.json lists/getUsers: says by what a project with both names its people' },
  },
  'GET lists/{}/size': { schema: GetListSizeParamsSchema, besides: ([, id]) => ({ listId: Number(id) }) },
  'DELETE users/{}': {
    schema: DeleteUserByEmailParamsSchema,
    besides: ([, email = '']) => ({ email: decodeURIComponent(email) }),
  },
  'DELETE users/byUserId/{}': {
    schema: DeleteUserByUserIdParamsSchema,
    besides: ([, , userId = '']) => ({ userId: decodeURIComponent(userId) }),
  },
}

/** Requests that the client of 0.13.0 has no method for, or one without parameters. */
const UNKNOWN = new Set([
  'POST users/bulkUpdateSubscriptions',
  'POST users/forget',
  'POST commerce/trackPurchase',
  'POST commerce/updateCart',
  'GET users/getFields',
])

function routeOf({ method, path }: Seen): string {
  const parts = path.split('/')
  const isCatalog = parts[0] === 'catalogs'
  const isOnePerson =
    parts.length > 1 &&
    (parts[0] === 'events' || parts[0] === 'users') &&
    (method === 'DELETE' || /%40|User-/.test(path))
  const isListSize = parts[2] === 'size'
  const shown = parts.map((part, at) =>
    ((isCatalog || isListSize) && at === 1) || (isOnePerson && at === parts.length - 1) ? '{}' : part,
  )
  return `${method} ${shown.join('/')}`
}

/** Paths in a body that a parsed one lacks. */
function lost(sent: unknown, parsed: unknown, path = ''): string[] {
  if (Array.isArray(sent)) return sent.flatMap((one, at) => lost(one, (parsed as unknown[])[at], `${path}[]`))
  if (typeof sent !== 'object' || sent === null) return sent === parsed ? [] : [path]
  return Object.entries(sent).flatMap(([name, value]) => {
    const below = path === '' ? name : `${path}.${name}`
    const has = typeof parsed === 'object' && parsed !== null && name in parsed
    return has ? lost(value, (parsed as Record<string, unknown>)[name], below) : [below]
  })
}

/** Everything that is sent for these actions. */
async function sentFor(
  actions: readonly Action[],
  projectType: 'email' | 'userId' | 'hybrid' = 'email',
): Promise<readonly Seen[]> {
  const stub = stubbed({
    projectType,
    ...(projectType === 'hybrid' && { addressBy: 'email' }),
    createNewFields: true,
    lists: { create: true },
    catalogs: { create: true, fields: { shoes: { mark: 'long' } } },
    knownLists: [{ id: 7, name: 'vip', listType: 'Standard' }],
  })
  stub.scripted('catalogs/shoes/fieldMappings', answer({ definedMappings: {}, undefinedFields: [] }))
  stub.scripted('users/getByEmail', answer({ user: { email: 'ada@example.com' } }))
  await deliver(stub.destination, actions, { clock: new VirtualClock() })
  return stub.seen
}

/** What is read after an answer that was lost, and of a list that has members already; and a catalog that is made. */
async function besidesFor(projectType: 'email' | 'userId'): Promise<readonly Seen[]> {
  const knownLists = [{ id: 7, name: 'vip', listType: 'Standard' }]
  const stub = stubbed({ projectType, knownLists, catalogs: { create: true } })
  const identifiers = projectType === 'email' ? { email: 'ada@example.com' } : { userId: 'User-1' }
  const items = [{ id: 'i', name: 'Tea', price: 1, quantity: 1 }]
  for (const path of ['commerce/trackPurchase', 'commerce/updateCart'])
    stub.scripted(path, new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } }))
  stub.scripted('lists/getUsers', new Response(''))
  stub.scripted('lists/7/size', new Response('0'))
  const noCatalog = { error: 'NotFound', message: 'x', code: 'error.catalogs.notFound', data: { args: [] } }
  stub.scripted('POST catalogs/tea/items', answer(noCatalog, 404))
  const item = { kind: 'catalogItem', identifiers: {}, catalog: 'tea', item: 'i-1', dataFields: { n: 1 } } as const
  const purchase = { kind: 'purchase', identifiers, id: 'p-1', total: 1, items } as const
  await deliver(stub.destination, [item, purchase, { kind: 'cart', identifiers, items }], { clock: new VirtualClock() })
  const delivery = await stub.destination.open(signal)
  for await (const _ of delivery.members?.(7, signal) ?? []) throw new Error('nobody is on it')
  return stub.seen
}

/** As the official client's methods are given them: what stands in a query is text. */
const typed = (json: object, method: string): object =>
  method !== 'GET'
    ? json
    : Object.fromEntries(
        Object.entries(json).map(([name, value]) => [name, /^\d+$/.test(value) ? Number(value) : value]),
      )

const everything = async (): Promise<readonly Seen[]> => {
  const all = [...(await besidesFor('email')), ...(await besidesFor('userId'))]
  const change = { kind: 'addressChange', identifiers: {}, from: 'ada@example.com', to: 'eve@example.com' } as const
  const moved = await sentFor([change], 'hybrid')
  expect(moved.at(-1)?.json).toMatchObject({ users: [{ dataFields: { email: 'eve@example.com' } }] })
  all.push(...moved)
  for (let seed = 1; seed <= 60; seed += 1) {
    const { projectType, addressBy, blocks } = scriptOf(seed)
    const actions = blocks.flat().map(({ action }) => action)
    all.push(...(await sentFor(actions, addressBy === 'email' ? projectType : 'userId')))
  }
  return all
}

describe("the official client's own schemas", () => {
  test('take every request that we send, and know each field of it but those with a reason', async () => {
    const met = new Set<string>()
    const beyond = new Set<string>()
    for (const seen of await everything()) {
      const route = routeOf(seen)
      met.add(route)
      if (UNKNOWN.has(route)) continue
      const known = KNOWN[route]
      if (known === undefined) throw new Error(`nothing is known of ${route}`)
      const body = { ...typed(seen.json, seen.method), ...known.besides?.(seen.path.split('/')) }
      for (const path of lost(body, known.schema.parse(body))) beyond.add(`${route}: ${path}`)
    }
    const excused = Object.entries(KNOWN).flatMap(([route, known]) =>
      Object.keys(known.beyond ?? {}).map((path) => `${route}: ${path}`),
    )
    expect([...beyond].sort()).toEqual(excused.sort())
    expect([...met].sort()).toEqual([...Object.keys(KNOWN), ...UNKNOWN].sort())
  })

  // Iterable checks in the style of Apache Commons, which takes all of RFC 5321. Source: help 209082806.
  test.each(['a&b@example.com', "o'neil!x@example.com", 'a@example.xn--p1ai'])(
    'are narrower for emails than Iterable: %s',
    async (email) => {
      const sent = await sentFor([{ kind: 'profile', identifiers: { email }, dataFields: { plan: 'x' } }])
      const body = sent.find(({ path }) => path === 'users/bulkUpdate')?.json
      expect(body?.users).toMatchObject([{ email }])
      expect(() => BulkUpdateUsersParamsSchema.parse(body)).toThrow('Invalid email')
    },
  )
})
