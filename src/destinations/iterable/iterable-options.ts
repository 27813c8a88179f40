import * as z from 'zod'
import { LakeloopError } from '../../errors.js'
import { optionFault } from '../../model/option-fault.js'
import type { Clock } from '../../transport/clock.js'
import type { Fetch } from '../../transport/http-client.js'
import type { SecretSource } from '../../transport/secret.js'
import { BODY_BYTES_MAX, type Endpoint, PUBLISHED_RATES } from '../../vendors/iterable/endpoints.js'
import { CATALOG_TYPES, type CatalogFields } from './catalogs.js'
import type { Likeness } from './contract.js'
import { EVENT_TYPES, type EventFields } from './event-contracts.js'

/** What happens at the project and is no outcome of a row. Never holds a value. */
export type IterableEvent =
  /**
   * For ever: Iterable deletes none. `fieldsNew`: about to be made, told when the first request with them is prepared, so
   * in a plan too; `fieldsCreated`: made.
   */
  {
    readonly kind: 'fieldsNew' | 'fieldsCreated'
    readonly fields: readonly string[]
    /** How many more the project may have then. */
    readonly left: number
    readonly alike: readonly Likeness[]
  }

export interface IterableDestinationOptions {
  /** What the state of this account is kept under, and what its pace is counted by. Any name; not a secret. */
  readonly project: string
  /** A server-side key, or a function that gives one; the function is asked again when Iterable answers 401. */
  readonly apiKey: SecretSource
  readonly dataCenter: 'us' | 'eu'
  /** Cannot be asked for and never changes: by what Iterable tells people apart in this project. */
  readonly projectType: 'email' | 'userId' | 'hybrid'
  /** Required for `hybrid`, which takes both; otherwise it follows from the project type. */
  readonly addressBy?: 'email' | 'userId' | undefined
  /** Instead of the data center's: https, or http to this machine itself. For tests. */
  readonly baseUrl?: string | undefined
  /** Whether a field that the project does not have may be made, for ever. Default false: its row is rejected. */
  readonly createNewFields?: boolean | undefined
  /** What a whole number in a new field makes it: `double` (sent as 1.0; the default), `long`, or nothing: rejected. */
  readonly newNumbers?: 'double' | 'long' | 'reject' | undefined
  /** What happens to text in a new field that is almost a date and would make it a text field. Default `reject`. */
  readonly nearDates?: 'reject' | 'allow' | undefined
  /** Whether nested objects are merged with what is stored (default) or replace it. */
  readonly mergeNestedObjects?: boolean | undefined
  /** Email projects: whether a userId that a profile action has goes along and is stored. Default true. */
  readonly sendUserId?: boolean | undefined
  /** `create`: whether a list name that is not there is made. Default false: its memberships are rejected. */
  readonly lists?: { readonly create?: boolean | undefined } | undefined
  readonly catalogs?:
    | {
        /** Whether a catalog that is not there is made when it is first needed. Default false: its items are rejected. */
        readonly create?: boolean | undefined
        /** True: an item's fields are changed by what is sent. Default false: the item is replaced. */
        readonly mergeItems?: boolean | undefined
        /** Types of the fields of a catalog, by its name; those that it has not yet are set before its first item. */
        readonly fields?: Readonly<Record<string, CatalogFields>> | undefined
      }
    | undefined
  /**
   * Types of the fields of events, by the event's name, since Iterable shows none: `{ 'Order placed': { total: 'double' } }`.
   * Of such an event no other field is sent, unless `createNewFields`. Of other events types are learned.
   */
  readonly events?: Readonly<Record<string, EventFields>> | undefined
  /** Share of the published rates to use, above 0 to 1. Default 0.8: the customer's other tools need some. */
  readonly share?: number | undefined
  /** Requests per second by endpoint, instead of the published ones; above 0 to 10,000. */
  readonly rates?: Readonly<Partial<Record<Endpoint, number>>> | undefined
  /** One deadline over headers and body, in milliseconds: 100 to 600,000. Default 30,000. */
  readonly timeoutMs?: number | undefined
  /** Rows of a request at most: 1 to 10,000, the default. First it is 1,000, and grows from run to run. */
  readonly sizeMax?: number | undefined
  /** Bytes of a request: 10,000 to 4,000,000. Default 3,500,000. */
  readonly bytesMax?: number | undefined
  /** Told of fields that are about to be made, and that were. What it throws is its own business. */
  readonly onEvent?: ((event: IterableEvent) => void) | undefined
  /**
   * `undici` sends through that package (7; an optional peer), over sockets of its own that `close` ends: a fraction of the CPU
   * per request, which counts for purchases, carts and other single calls at high rates. Default `fetch`, the platform's.
   */
  readonly transport?: 'fetch' | 'undici' | undefined
  readonly fetch?: Fetch | undefined
  readonly clock?: Clock | undefined
  /** Milliseconds since 1970: the 24 hours in which 1,000 people can be forgotten. Default the machine's. */
  readonly today?: (() => number) | undefined
}

const endpoints = Object.keys(PUBLISHED_RATES) as [Endpoint, ...Endpoint[]]
const aFunction = z.custom<(...given: never[]) => unknown>((value) => typeof value === 'function', 'must be a function')

const schema = z.strictObject({
  project: z.string().min(1).max(200),
  apiKey: z.unknown(), // judged by Secret, which says more
  dataCenter: z.enum(['us', 'eu']),
  projectType: z.enum(['email', 'userId', 'hybrid']),
  addressBy: z.enum(['email', 'userId']).optional(),
  baseUrl: z.string().optional(),
  createNewFields: z.boolean().default(false),
  newNumbers: z.enum(['double', 'long', 'reject']).default('double'),
  nearDates: z.enum(['reject', 'allow']).default('reject'),
  mergeNestedObjects: z.boolean().default(true),
  sendUserId: z.boolean().default(true),
  lists: z.strictObject({ create: z.boolean().default(false) }).default({ create: false }),
  catalogs: z
    .strictObject({
      create: z.boolean().default(false),
      mergeItems: z.boolean().default(false),
      fields: z
        .record(z.string().regex(/^[A-Za-z0-9-]{1,255}$/), z.record(z.string(), z.enum(CATALOG_TYPES)))
        .default({}),
    })
    .default({ create: false, mergeItems: false, fields: {} }),
  events: z.record(z.string().min(1), z.record(z.string().min(1), z.enum(EVENT_TYPES))).default({}),
  share: z.number().gt(0).max(1).default(0.8),
  rates: z.partialRecord(z.enum(endpoints), z.number().gt(0).max(10_000)).default({}),
  timeoutMs: z.int().min(100).max(600_000).default(30_000),
  sizeMax: z.int().min(1).max(10_000).default(10_000),
  bytesMax: z.int().min(10_000).max(4_000_000).default(BODY_BYTES_MAX),
  onEvent: aFunction.optional(),
  transport: z.enum(['fetch', 'undici']).default('fetch'),
  fetch: aFunction.optional(),
  today: aFunction.optional(),
  clock: z.custom((value) => typeof value === 'object' && value !== null, 'must be a clock').optional(),
})

export type IterableSettings = z.infer<typeof schema>

/** The options with their defaults. Throws OPTION_INVALID, which names the option and never its value. */
export function checkedOptions(
  options: IterableDestinationOptions,
): IterableSettings & { addressBy: 'email' | 'userId' } {
  const result = schema.safeParse(options)
  if (!result.success) {
    const { option, problem } = optionFault(result.error, schema)
    throw invalid(option, problem)
  }
  const { projectType, addressBy, transport, fetch } = result.data
  if (transport === 'undici' && fetch !== undefined)
    throw invalid('transport', 'is undici, and a fetch is handed in too')
  if (projectType === 'hybrid') {
    if (addressBy === undefined) throw invalid('addressBy', 'is required for a hybrid project')
    return { ...result.data, addressBy }
  }
  if (addressBy !== undefined && addressBy !== projectType) throw invalid('addressBy', 'contradicts projectType')
  return { ...result.data, addressBy: projectType }
}

const invalid = (option: string, problem: string) =>
  new LakeloopError('OPTION_INVALID', { part: 'IterableDestination', option, problem })
