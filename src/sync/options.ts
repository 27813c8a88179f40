import { z } from 'zod'
import type { ListDeltaComputer } from '../delta/list-delta.js'
import type { Destination } from '../destinations/destination.js'
import { LakeloopError } from '../errors.js'
import type { IdentityResolver } from '../identity/resolver.js'
import type { Source } from '../sources/source.js'
import type { Store } from '../stores/store.js'
import type { Transform } from '../transform/transform.js'
import type { Clock } from './clock.js'
import type { RetryLimits } from './retry.js'

export interface SyncOptions {
  /** Unique within the project; a part of every key. 1 to 200 characters. */
  readonly name: string
  readonly source: Source
  readonly transform: Transform
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
  /** Stop when more than this share of the last 1,000 rows was rejected, 0 to 1. Default 0.05; 1 never stops. */
  readonly rejectedShareMax?: number
  /** Profile fields that other syncs of the project may write too; each of them has to say so. Default none. */
  readonly sharedFields?: readonly string[]
  readonly retry?: Partial<RetryLimits>
  readonly clock?: Clock
}

const SHAPE = z.object({
  name: z.string().min(1).max(200),
  pageSize: z.number().int().min(1).max(100_000).optional(),
  concurrency: z.number().int().min(1).max(64).optional(),
  nulls: z.enum(['omit', 'remove']).optional(),
  settleMs: z.number().int().min(0).max(3_600_000).optional(),
  rejectedShareMax: z.number().min(0).max(1).optional(),
  sharedFields: z.array(z.string()).optional(),
  source: z.object({ name: z.string().min(1), read: z.function() }),
  destination: z.object({ name: z.string().min(1), project: z.string().min(1), addressedBy: z.string().min(1) }),
  transform: z.object({ name: z.string() }),
  identity: z.object({ target: z.string() }),
  lists: z.object({}),
  store: z.object({ supports: z.object({}) }),
})

/** Throws OPTION_INVALID that names the option, before anything is opened. */
export function checkOptions(options: SyncOptions): SyncOptions {
  const checked = SHAPE.safeParse(options)
  if (!checked.success) {
    const [issue] = checked.error.issues
    const option = issue?.path.join('.') ?? ''
    throw new LakeloopError('OPTION_INVALID', {
      part: 'Sync',
      option,
      problem: `is not valid: ${issue?.message ?? ''}`,
    })
  }
  if (options.identity.target !== options.destination.addressedBy) {
    throw new LakeloopError('OPTION_INVALID', {
      part: 'Sync',
      option: 'identity.target',
      problem: `is ${options.identity.target} and the destination addresses people by ${options.destination.addressedBy}`,
    })
  }
  return options
}
