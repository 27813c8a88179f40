import * as z from 'zod'
import type { ListDeltaComputer } from '../delta/list-delta.js'
import type { Destination } from '../destinations/destination.js'
import { LakeloopError } from '../errors.js'
import type { HistoryOptions } from '../history/options.js'
import type { IdentityResolver } from '../identity/resolver.js'
import { optionFault } from '../model/option-fault.js'
import type { Source } from '../sources/source.js'
import type { Encryption } from '../stores/sealed.js'
import type { Store } from '../stores/store.js'
import type { Audience, Program } from './audience.js'
import type { Clock } from './clock.js'
import type { DriftPolicies } from './drift-policy.js'
import type { Existing } from './existing.js'
import type { GroupedFields } from './field-groups.js'
import type { InboxBounds } from './inbox.js'
import type { RetryLimits } from './retry.js'
import { assertStart } from './start.js'

export interface SyncOptions {
  /** Unique within the project; a part of every key. 1 to 200 characters. */
  readonly name: string
  readonly source: Source
  /** A `Transform`, or what works like one. */
  readonly transform: Program
  readonly identity: IdentityResolver
  readonly lists: ListDeltaComputer
  readonly destination: Destination
  /** Cursor, lease, fingerprints, dead letters, history. May be the same as identity's and lists': then one commit holds all. */
  readonly store: Store
  /** Rows per page, 1 to 100,000. Default 2,000. */
  readonly pageSize?: number
  /** Requests on their way at once, 1 to 64. Default 4. */
  readonly concurrency?: number
  /** What SQL NULL in a payload means: leave the field as it is, or remove it. Default `omit`. */
  readonly nulls?: 'omit' | 'remove'
  /** How long after the last accepted profile the first list address is added, in ms: a subscribe may fire a journey
   *  that reads the profile. Default 60,000. Source: Iterable's API text on users/update asks for 60 s. */
  readonly settleMs?: number
  /**
   * `wait` (default): additions to lists wait for `settleMs`. `carry`: they do not wait, and carry what the row wrote into
   * the profile; one waits where several rows write to the profile, or its row is of a former run.
   */
  readonly adds?: 'wait' | 'carry'
  /** Stop when more than this share of the last 1,000 rows was rejected, 100 at least, 0 to 1. Default 0.05; 1 never stops. */
  readonly rejectedShareMax?: number
  /** Profile fields that other syncs of the project may write too; each of them has to say so. Default none. */
  readonly sharedFields?: readonly string[]
  /** What to do about each kind of change of the source's schema; defaults and meaning: docs/drift.md. */
  readonly drift?: DriftPolicies
  readonly retry?: Partial<RetryLimits>
  /** A list whose members are the rows for which a column holds; for a source that gives its whole audience. */
  readonly audience?: Audience
  /**
   * Where a sync without a position begins: `backfill` (default) at the source's beginning, `now` behind all that there is,
   * for a source that has a `head`. A later `run({ mode: 'resync' })` sends what was left out.
   */
  readonly start?: 'backfill' | 'now'
  /**
   * Fields of profiles that are compared and sent apart, by a name of your own; the fields that none names are one more group.
   * 16 groups at most, a field in one of them. Without it a profile is compared and sent as a whole.
   */
  readonly fieldGroups?: GroupedFields
  /** What becomes of members that lists have already. Default: they are never touched. */
  readonly existing?: readonly Existing[]
  /** What is kept of runs and outcomes, and for how long: docs/history.md. */
  readonly history?: HistoryOptions
  readonly deadLetters?: {
    /** A dead letter goes once it is as many days old, 1 to 3,650; the run that lets it go says so. Default: never. */
    readonly expireAfterDays?: number
  }
  /** Seals what the store keeps whole: dead letters, parked actions and rows, rows that were pushed, fields that are carried. */
  readonly encryption?: Encryption
  /** How much may wait of what was pushed: `rowsMax` 1 to 100,000,000, `bytesMax` 1 to 2^40. Default 100,000 rows and 256 MiB. */
  readonly inbox?: InboxBounds
  readonly clock?: Clock
}

export const SETTLE_MS = 60_000

/** Something with these methods: a class of the host's is as good as ours. */
const having = (...methods: readonly string[]) =>
  z.custom<object>(
    (value) => methods.every((method) => typeof (value as Record<string, unknown> | null)?.[method] === 'function'),
    { error: `has no ${methods.join(', ')}`, abort: true },
  )

const named = (name: string, ...methods: readonly string[]) =>
  having(...methods).refine(
    (value) => {
      const text = (value as Record<string, unknown> | null | undefined)?.[name]
      return typeof text === 'string' && text !== ''
    },
    { error: `has no ${name}` },
  )

const list = z.union([z.string().min(1), z.int()])

/** Each is a hash for each row that is remembered. */
const GROUPS_MAX = 16

const SHAPE = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(200)
    .regex(/^[^\p{Cc}\p{Surrogate}]+$/u, 'is not well-formed'),
  pageSize: z.int().min(1).max(100_000).optional(),
  concurrency: z.int().min(1).max(64).optional(),
  nulls: z.enum(['omit', 'remove']).optional(),
  settleMs: z.int().min(0).max(3_600_000).optional(),
  adds: z.enum(['wait', 'carry']).optional(),
  rejectedShareMax: z.number().min(0).max(1).optional(),
  sharedFields: z.array(z.string()).optional(),
  drift: z
    .partialRecord(
      z.enum(['added', 'dropped', 'renamed', 'typeWidened', 'typeChanged', 'nestedChanged', 'nullability']),
      z.enum(['report', 'stop', 'park']),
    )
    .optional(),
  retry: z
    .strictObject({
      attemptsMax: z.int().min(1).max(100),
      throttlesMax: z.int().min(0).max(10_000),
      waitMaxMs: z.int().min(0).max(3_600_000),
      splitsMax: z.int().min(0).max(1_000_000),
    })
    .partial()
    .optional(),
  audience: z.strictObject({ list, where: z.string().min(1).optional() }).optional(),
  existing: z.array(z.strictObject({ list, members: z.enum(['ignore', 'adopt', 'reconcile']) })).optional(),
  history: z
    .strictObject({
      outcomes: z.enum(['hashed', 'plain', 'off']),
      keepDays: z.number().positive().max(36_500),
      runsMax: z.int().min(1).max(100_000),
      outcomesMax: z.int().min(1).max(1_000_000_000),
    })
    .partial()
    .optional(),
  deadLetters: z.strictObject({ expireAfterDays: z.number().min(1).max(3_650).optional() }).optional(),
  encryption: z.strictObject({ key: z.unknown().optional(), former: z.array(z.unknown()).optional() }).optional(),
  inbox: z
    .strictObject({
      rowsMax: z.int().min(1).max(100_000_000),
      bytesMax: z
        .int()
        .min(1)
        .max(2 ** 40),
    })
    .partial()
    .optional(),
  start: z.enum(['backfill', 'now']).optional(),
  fieldGroups: z
    .record(z.string().min(1), z.array(z.string().min(1)).min(1))
    .refine((groups) => Object.keys(groups).length <= GROUPS_MAX, `has more than ${GROUPS_MAX} groups`)
    .refine((groups) => {
      const fields = Object.values(groups).flat()
      return new Set(fields).size === fields.length
    }, 'names a field twice')
    .optional(),
  source: named('name', 'read', 'describe', 'close'),
  destination: named('name', 'open', 'close').and(named('project')).and(named('addressedBy')),
  transform: named('name', 'prepare', 'run', 'close'),
  identity: named('target', 'observe', 'resolve', 'bind', 'changes', 'over', 'position'),
  lists: having('note', 'plan', 'lists', 'over', 'found', 'reconcile'),
  store: having('get', 'scan', 'commit', 'close'),
  clock: having('now', 'elapsed', 'sleep', 'random').optional(),
})

/** Throws OPTION_INVALID that names the option, before anything is opened. */
export function checkOptions(options: SyncOptions): SyncOptions {
  const checked = SHAPE.safeParse(options)
  if (!checked.success) throw invalid('Sync', checked.error, SHAPE)
  if (options.identity.target !== options.destination.addressedBy) {
    throw new LakeloopError('OPTION_INVALID', {
      part: 'Sync',
      option: 'identity.target',
      problem: `is ${options.identity.target} and the destination addresses people by ${options.destination.addressedBy}`,
    })
  }
  if (options.start === 'now') assertStart(options.source, options.audience)
  return options
}

const RUNNING = z.strictObject({
  signal: z.instanceof(AbortSignal).optional(),
  graceMs: z.number().min(0).max(3_600_000).optional(),
  whenHeld: z.enum(['refuse', 'wait']).optional(),
})
const REPLAY = RUNNING.extend({ deadLetters: z.unknown() })
const RUN = RUNNING.extend({
  plan: z
    .looseObject({
      sync: z.string(),
      requests: z.array(z.looseObject({ digest: z.string() })),
      pins: z.looseObject({
        checkpoint: z.string(),
        identity: z.string(),
        schema: z.string(),
        transform: z.string(),
        epoch: z.string(),
        now: z.number(),
      }),
    })
    .optional(),
  mode: z.enum(['full', 'resync']).optional(),
})

const ERASE = RUNNING.pick({ signal: true, whenHeld: true }).extend({ landed: z.unknown().optional() })
const HISTORY = z.strictObject({ limit: z.int().min(1).optional() })
const BATCHES = z.strictObject({ runId: z.string().min(1) })

/** Throws OPTION_INVALID for what a call was handed: a mistake in the host's program, and no end of a run. */
const checking =
  (part: string, schema: z.ZodType) =>
  (options: object): void => {
    const checked = schema.safeParse(options)
    if (!checked.success) throw invalid(part, checked.error, schema)
  }

/** But for the letters. */
export const checkReplayOptions = checking('Sync.replay', REPLAY)
export const checkRunOptions = checking('Sync.run', RUN)
/** But for the tables of `landed`. An erasure cannot be taken back, and a misspelt name would leave its statements out. */
export const checkEraseOptions = checking('Sync.erase', ERASE)
/** A misspelt limit would be the default. */
export const checkHistoryRequest = checking('Sync.history', HISTORY)
export const checkBatchesRequest = checking('Sync.batches', BATCHES)

/** The same for whatever takes the lease and ends in a report. */
export const checkRunning = (part: string, options: object): void => checking(part, RUNNING)(options)

/** The first thing that is wrong, by its name. */
export const invalid = (part: string, error: z.ZodError, schema: z.ZodType): LakeloopError =>
  new LakeloopError('OPTION_INVALID', { part, ...optionFault(error, schema) })
