import {
  BulkDeleteCatalogItemsParamsSchema,
  ReplaceCatalogItemsParamsSchema,
  UpdateCatalogFieldMappingsParamsSchema,
} from '@iterable/api/dist/types/catalogs.js'
import { TrackBulkEventsParamsSchema } from '@iterable/api/dist/types/events.js'
import {
  CreateListParamsSchema,
  SubscribeToListParamsSchema,
  UnsubscribeFromListParamsSchema,
} from '@iterable/api/dist/types/lists.js'
import {
  BulkUpdateUsersParamsSchema,
  DeleteUserByEmailParamsSchema,
  DeleteUserByUserIdParamsSchema,
  GetUserByEmailParamsSchema,
  UpdateEmailParamsSchema,
} from '@iterable/api/dist/types/users.js'
import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import { deliver } from '../../src/sync/deliver.js'
import { scriptOf } from '../laws/iterable/script.js'
import { VirtualClock } from '../sync/virtual-clock.js'
import { answer, type Seen, stubbed } from './iterable-stub.js'

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
  'POST catalogs/{}/items': {
    schema: ReplaceCatalogItemsParamsSchema,
    beyond: { replaceUploadedFieldsOnly: 'the client says it itself, one method for each answer' },
    besides: catalogName,
  },
  'DELETE catalogs/{}/items': { schema: BulkDeleteCatalogItemsParamsSchema, besides: catalogName },
  'PUT catalogs/{}/fieldMappings': { schema: UpdateCatalogFieldMappingsParamsSchema, besides: catalogName },
  'GET users/getByEmail': { schema: GetUserByEmailParamsSchema },
  'DELETE users/{}': {
    schema: DeleteUserByEmailParamsSchema,
    besides: ([, email = '']) => ({ email: decodeURIComponent(email) }),
  },
  'DELETE users/byUserId/{}': {
    schema: DeleteUserByUserIdParamsSchema,
    besides: ([, , userId = '']) => ({ userId: decodeURIComponent(userId) }),
  },
}

/** Requests that the client of 0.13.0 has no method for, or no parameters. */
const UNKNOWN = new Set([
  'POST users/bulkUpdateSubscriptions',
  'POST users/forget',
  'POST commerce/trackPurchase',
  'POST commerce/updateCart',
  'POST catalogs/{}',
  'GET users/getFields',
  'GET lists',
  'GET catalogs/{}/fieldMappings',
])

function routeOf({ method, path }: Seen): string {
  const parts = path.split('/')
  const isCatalog = parts[0] === 'catalogs'
  const isOnePerson = method === 'DELETE' && parts[0] === 'users'
  const shown = parts.map((part, at) =>
    (isCatalog && at === 1) || (isOnePerson && at === parts.length - 1) ? '{}' : part,
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
  projectType: 'email' | 'userId' = 'email',
): Promise<readonly Seen[]> {
  const stub = stubbed({
    projectType,
    createNewFields: true,
    lists: { create: true },
    catalogs: { create: true, fields: { shoes: { mark: 'long' } } },
    knownLists: [{ id: 7, name: 'vip', listType: 'Standard' }],
  })
  stub.scripted('catalogs/shoes/fieldMappings', answer({ definedMappings: {}, undefinedFields: [] }))
  await deliver(stub.destination, actions, { clock: new VirtualClock() })
  return stub.seen
}

const everything = async (): Promise<readonly Seen[]> => {
  const all = []
  for (let seed = 1; seed <= 60; seed += 1) {
    const { projectType, blocks } = scriptOf(seed)
    const actions = blocks.flat().map(({ action }) => action)
    all.push(...(await sentFor(actions, projectType === 'email' ? 'email' : 'userId')))
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
      const known = KNOWN[route] as Known
      const body = { ...seen.json, ...known.besides?.(seen.path.split('/')) }
      for (const path of lost(body, known.schema.parse(body))) beyond.add(`${route}: ${path}`)
    }
    const excused = Object.entries(KNOWN).flatMap(([route, known]) =>
      Object.keys(known.beyond ?? {}).map((path) => `${route}: ${path}`),
    )
    expect([...beyond].sort()).toEqual(excused.sort())
    const never = ['GET users/getByEmail', 'POST catalogs/{}']
    expect([...met, ...never].sort()).toEqual([...Object.keys(KNOWN), ...UNKNOWN].sort())
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
