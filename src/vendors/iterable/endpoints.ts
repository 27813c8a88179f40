/** Where each data center answers. Source: Iterable api-docs.json `host`; help 360043464871. */
export const BASE_URLS = { us: 'https://api.iterable.com', eu: 'https://api.eu.iterable.com' } as const

/** Rate of the endpoints that Iterable publishes none for. Ours; `rates` overrides it. */
const UNPUBLISHED = 10

/**
 * Requests per second and project that Iterable publishes for the endpoints we call.
 * Source: Iterable api-docs.json (July 2026), descriptions of the operations; none is given for updateEmail, for writing
 * lists and subscriptions, and for commerce.
 */
export const PUBLISHED_RATES = {
  'users/bulkUpdate': 5,
  'events/trackBulk': 10,
  'users/getFields': 3,
  'users/getByEmail': 100,
  'lists/get': 100,
  'lists/getUsers': 5 / 60,
  'lists/size': 5 / 60,
  'users/updateEmail': UNPUBLISHED,
  'lists/create': UNPUBLISHED,
  'lists/subscribe': UNPUBLISHED,
  'lists/unsubscribe': UNPUBLISHED,
  'users/bulkUpdateSubscriptions': UNPUBLISHED,
  'users/getById': 100,
  'users/delete': 100,
  'users/forget': 3,
  'events/get': 100,
  'commerce/trackPurchase': UNPUBLISHED,
  'commerce/updateCart': UNPUBLISHED,
  'catalogs/create': 100,
  'catalogs/items': 100,
  'catalogs/removeItems': 100,
  'catalogs/getMappings': 100,
  'catalogs/putMappings': 100,
  'export/data': 4 / 60,
} as const

export type Endpoint = keyof typeof PUBLISHED_RATES

/** Bytes of a body that stay clear of the documented 4 MB. Source: Iterable api-docs.json, users/bulkUpdate. */
export const BODY_BYTES_MAX = 3_500_000
