import * as z from 'zod'
import { LakeloopError } from '../../errors.js'
import { optionFault } from '../../model/option-fault.js'
import { type Coercions, FAKE_TYPES, type FakeType } from './fields/field-types.js'
import { CLIENT_KEY_TYPES, type FakeKey, KEY_TYPES } from './key-types.js'
import type { Rate } from './wire/rates.js'

/** A list by more than its name; `type` is `Standard` (default), `Dynamic`, ...; one that is `inUse` cannot be deleted. */
export interface FakeListGiven {
  readonly name: string
  readonly type?: string
  readonly inUse?: boolean
}

export interface FakeIterableOptions {
  readonly projectType: 'email' | 'userId' | 'hybrid'
  /** Any other key gets 401. Default `fake-key`. */
  readonly apiKey?: string
  /** Other keys, by what kind they are: what theirs may not reach is 401. `apiKey` is server-side. Source: HC-360043464871. */
  readonly keys?: Readonly<Record<string, FakeKey>>
  /** A request to the other data center's host gets 401, as for a key that is not known there. Default `us`. */
  readonly dataCenter?: 'us' | 'eu'
  /** `published` (default): Iterable's limits as a sliding window; `off`; or limits of one's own by endpoint (one or more), over the published ones. */
  readonly rates?: 'published' | 'off' | Readonly<Record<string, Rate | readonly Rate[]>>
  /** Milliseconds since 1970. Default the system's clock. */
  readonly now?: () => number
  /** How long an answer takes, in real ms; the work is done on arrival. Default 0, at most 60,000. */
  readonly latencyMs?: number
  /** How long it takes until reads show what was written, in ms of `now`. Writes see it at once. Default 0. */
  readonly visibleAfterMs?: number
  /** Rows of one bulk request before it is `BatchTooLarge` (SW enum; the threshold is unsure). Default none. */
  readonly batchRowsMax?: number
  /** Event names that are accepted and not stored. Source: HC-115002065083. */
  readonly discardedEvents?: readonly string[]
  /** How long it takes until somebody who is deleted or forgotten is gone, in ms of `now`. Source: SW (up to ten minutes). Default 0. */
  readonly deletesAfterMs?: number
  /** How long an export job runs, in ms of `now`; it waits a quarter of that before, and longer behind four others. Default 0. */
  readonly exportTakesMs?: number
  /** Rows of one file of an export job. Default 1,000. */
  readonly exportRowsPerFile?: number
  /** A job with more rows says `exportTruncated`. Source: SW (there, 100 GB). Default none. */
  readonly exportRowsMax?: number
  /** The project's setting for requests that do not say. Default true. */
  readonly createNewFields?: boolean
  /** User fields that are there already, by dotted path. */
  readonly fields?: Readonly<Record<string, FakeType>>
  /** Lists that are there already. */
  readonly lists?: readonly (string | FakeListGiven)[]
  /** Names of catalogs that are there already. */
  readonly catalogs?: readonly string[]
  /** What Iterable switches on for an account. Default: catalogs and subscription groups; opt-in message types are off. */
  readonly features?: {
    readonly catalogs?: boolean
    readonly subscriptionGroups?: boolean
    readonly optIn?: boolean
  }
  /** Addresses that were forgotten: never stored again. */
  readonly forgotten?: readonly string[]
  /** Event names that are not allowed. */
  readonly disallowedEvents?: readonly string[]
  /** How long a new list answers `invalidListId`, in ms. Source: AC `retryOnInvalidListId`. Default 0. */
  readonly newListBlindMs?: number
  /** Fields that a project may have. Source: SW, HC-26678893969812 (soft 1,000). Default 1,000. */
  readonly fieldsMax?: number
  /** Fields that its events may have. Source: SW, HC-26678893969812 (soft 8,000; per project or per event: unsure). Default 8,000. */
  readonly eventFieldsMax?: number
  /** Facts that no source settles, or that changed over the years: each can be answered both ways. */
  readonly unsure?: Partial<Unsure>
}

/** A switch per fact that the sources leave open. The default is the stricter reading, unless one says otherwise. */
export interface Unsure extends Coercions {
  /** What a body over 4 MB gets. Default 413. */
  readonly tooLarge: 'BatchTooLarge' | '413'
  /** A refused body: named paths only, or the form of 2022, which repeats the body and every header, the key included. */
  readonly badJsonBody: 'terse' | '2022'
  /** Bulk answers with every list, or as they were in 2022: deprecated lists only, so that other failures are unnamed. */
  readonly bulkShape: 'full' | '2022'
  /** The status of a type conflict. GO has tests of its code under 500. */
  readonly typeConflictStatus: 400 | 500
  /** A type conflict in a bulk request: it refuses the whole, or its row only, which is in `invalidData*` then. */
  readonly typeConflictOf: 'request' | 'row'
  /** Whether `GET events/{email}` shows purchases too. Default false. */
  readonly purchasesAmongEvents: boolean
  /** What bulkUpdate calls a row that changes nothing: done, or in `noOp*` and counted nowhere. */
  readonly unchanged: 'success' | 'noOp'
  /** Whether a type conflict names a user field `user:::field` (GO has seen such keys) or by itself. Default false. */
  readonly scopedFieldNames: boolean
  /** Whether a 429 says when to come back. Default false: the one that was recorded does not. */
  readonly retryAfter: boolean
  /** The status of a single call for a person who was forgotten. */
  readonly forgottenStatus: 400 | 409
  /** A value over 32,000 characters: its row in `invalidData*`, or stored. */
  readonly longValue: 'invalidData' | 'accepted'
  /** `updateOnly` of bulkUpdate needs to be switched on by Iterable. Default ignored. */
  readonly updateOnly: 'ignored' | 'honoured'
  /** `createdAt` in milliseconds: taken for what it is, or refused as out of range. Default refused. */
  readonly createdAtMs: 'refused' | 'accepted'
  /** events/track for somebody unknown: 400, or 200 and dropped. */
  readonly unknownOnTrack: 'refused' | 'dropped'
  /** Whether trackBulk creates unknown people in userId and hybrid projects. Default false. */
  readonly trackBulkCreates: boolean
  /** Whether events with a name that is not allowed are in `failCount`. Default false. */
  readonly disallowedCounted: boolean
  /** An event whose id is known: replaced, or its fields merged into what is stored. */
  readonly eventUpsert: 'replace' | 'merge'
  /** An event id with other characters than letters, digits and hyphens. */
  readonly eventIdOther: 'refused' | 'accepted'
  /** Somebody unknown leaves a list. */
  readonly unsubscribeUnknown: 'success' | 'notFound'
  /** What reading and deleting an unknown userId gets: words of today (GO, RT), or of 2017 (VCR), in part plain text. */
  readonly unknownUserId: 'today' | '2017'
  /** Whether a read-only key may export. */
  readonly readOnlyExport: 'refused' | 'allowed'
  /** The code beside the 401 of an unknown key; RT has one of old with Success. */
  readonly badKeyCode: 'BadApiKey' | 'Success'
  /** A key in the query, as callers of old have it (AE, VCR). */
  readonly keyInQuery: 'refused' | 'accepted'
  /** Whether many refusals of a key become 429 (AB PR 18292). Default 401. */
  readonly unauthorizedAgain: 401 | 429
  /** Whether the name of a data type of an export must be spelled as SW does. */
  readonly dataTypeCase: 'exact' | 'any'
  /** Whether rows of custom events carry the id that they were tracked with. Default false. */
  readonly exportEventId: boolean
  /** Nested fields of `user` rows: as objects, or flat with dotted names (AB). */
  readonly exportUserKeys: 'nested' | 'dotted'
  /** Lines of an export: each with its end, or with a blank one and no last end (TAP, EST). */
  readonly exportLines: 'clean' | 'odd'
  /** A catalog that is not there: 404 in an envelope of its own (RT), or as in 2019 (VCR): the usual one, and 400 or 500 from some calls. */
  readonly catalogErrors: 'today' | '2019'
  /** The status of a bulk upload: 202 (VCR 2019, SW) or 200 (RT). */
  readonly catalogBulkStatus: 202 | 200
  /** A value that contradicts its field's mapping. */
  readonly catalogMismatch: 'refused' | 'accepted'
  /** Addresses with letters of other scripts, or with a local part in quotes. */
  readonly otherEmails: 'refused' | 'accepted'
  /** Of two rows of one person in a bulkUpdate, the one that wins. */
  readonly rowsOfOne: 'last' | 'first'
  /** Whether the known id of an event may come with another name or person, and then is theirs. Default true. */
  readonly eventUpsertMoves: boolean
  /** What has room for 8,000 event fields: the project (HC-26678893969812), or each event name (SW). */
  readonly eventFieldsOf: 'project' | 'name'
  /** Whether a dynamic list takes members and loses them. Default false: it says success and keeps its rule. */
  readonly dynamicListJoins: boolean
  /** A null inside an object that replaces another. */
  readonly nullInside: 'dropped' | 'kept'
  /** "" for a field of a user: stored, or passed over. */
  readonly emptyText: 'stored' | 'dropped'
  /** A name of a user, event or purchase field with a dot in it. */
  readonly dotInName: 'refused' | 'accepted'
  /** Whether answers of JSON have a field that nobody knows, as Iterable may add without notice (AE). Default false. */
  readonly moreFields: boolean
  /** The shape of the limiter: nothing beyond the limit in any window, or a bucket that leaks evenly (DataGrail). */
  readonly limiter: 'window' | 'bucket'
}

/** Both answers to each, the default first. */
export const ANSWERS = {
  longIntoDouble: [true, false],
  doubleIntoLong: [false, true],
  anythingIntoString: [false, true],
  textIntoNumber: [false, true],
  emptyIntoDate: [false, true],
  emptyIntoNumber: [false, true],
  textIntoBoolean: [false, true],
  tooLarge: ['413', 'BatchTooLarge'],
  badJsonBody: ['terse', '2022'],
  bulkShape: ['full', '2022'],
  typeConflictStatus: [400, 500],
  typeConflictOf: ['request', 'row'],
  purchasesAmongEvents: [false, true],
  unchanged: ['success', 'noOp'],
  scopedFieldNames: [false, true],
  retryAfter: [false, true],
  forgottenStatus: [400, 409],
  longValue: ['invalidData', 'accepted'],
  updateOnly: ['ignored', 'honoured'],
  createdAtMs: ['refused', 'accepted'],
  unknownOnTrack: ['refused', 'dropped'],
  trackBulkCreates: [false, true],
  disallowedCounted: [false, true],
  eventUpsert: ['replace', 'merge'],
  eventIdOther: ['refused', 'accepted'],
  unsubscribeUnknown: ['success', 'notFound'],
  readOnlyExport: ['refused', 'allowed'],
  badKeyCode: ['BadApiKey', 'Success'],
  keyInQuery: ['refused', 'accepted'],
  unauthorizedAgain: [401, 429],
  dataTypeCase: ['exact', 'any'],
  exportEventId: [false, true],
  exportUserKeys: ['nested', 'dotted'],
  exportLines: ['clean', 'odd'],
  unknownUserId: ['today', '2017'],
  catalogErrors: ['today', '2019'],
  catalogBulkStatus: [202, 200],
  catalogMismatch: ['refused', 'accepted'],
  otherEmails: ['refused', 'accepted'],
  rowsOfOne: ['last', 'first'],
  eventUpsertMoves: [true, false],
  eventFieldsOf: ['project', 'name'],
  dynamicListJoins: [false, true],
  nullInside: ['dropped', 'kept'],
  emptyText: ['stored', 'dropped'],
  dotInName: ['refused', 'accepted'],
  moreFields: [false, true],
  limiter: ['window', 'bucket'],
} as const satisfies { readonly [Name in keyof Unsure]: readonly [Unsure[Name], Unsure[Name]] }

const switches = Object.entries(ANSWERS)
export const UNSURE = Object.fromEntries(switches.map(([name, [answer]]) => [name, answer])) as unknown as Unsure

const ms = z.number().min(0)
const count = z.int().min(0)
const rate = z.strictObject({ count, perMs: z.number().gt(0) })
const list = z.strictObject({ name: z.string(), type: z.string().optional(), inUse: z.boolean().optional() })
const schema = z.strictObject({
  projectType: z.enum(['email', 'userId', 'hybrid']),
  apiKey: z.string().min(1).optional(),
  keys: z
    .record(
      z.string(),
      z.union([z.enum(KEY_TYPES), z.strictObject({ type: z.enum(CLIENT_KEY_TYPES), jwt: z.string() })]),
    )
    .optional(),
  dataCenter: z.enum(['us', 'eu']).optional(),
  rates: z.union([z.enum(['published', 'off']), z.record(z.string(), z.union([rate, z.array(rate)]))]).optional(),
  now: z.custom((value) => typeof value === 'function').optional(),
  latencyMs: ms.max(60_000).optional(),
  visibleAfterMs: ms.optional(),
  createNewFields: z.boolean().optional(),
  fields: z.record(z.string(), z.enum(FAKE_TYPES)).optional(),
  lists: z.array(z.union([z.string(), list])).optional(),
  catalogs: z.array(z.string()).optional(),
  features: z
    .strictObject({
      catalogs: z.boolean().optional(),
      subscriptionGroups: z.boolean().optional(),
      optIn: z.boolean().optional(),
    })
    .optional(),
  forgotten: z.array(z.string()).optional(),
  disallowedEvents: z.array(z.string()).optional(),
  newListBlindMs: ms.optional(),
  batchRowsMax: count.optional(),
  discardedEvents: z.array(z.string()).optional(),
  deletesAfterMs: ms.optional(),
  exportTakesMs: ms.optional(),
  exportRowsPerFile: z.int().min(1).optional(),
  exportRowsMax: count.optional(),
  fieldsMax: count.optional(),
  eventFieldsMax: count.optional(),
  unsure: z
    .strictObject(Object.fromEntries(switches.map(([name, answers]) => [name, z.literal(answers).optional()])))
    .optional(),
})

/** Throws OPTION_INVALID, which names the option: a switch that is misspelt must not be a default. */
export function checkOptions(options: FakeIterableOptions): void {
  const checked = schema.safeParse(options)
  if (checked.success) return
  throw new LakeloopError('OPTION_INVALID', { part: 'FakeIterable', ...optionFault(checked.error, schema) })
}
