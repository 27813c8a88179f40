import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'

/** How rows are written now. What was written before stays readable, and is written anew when it changes. */
export const LAYOUT = 2 as const

/** What a graph is as a whole. A version that gives any of it another meaning adds a field: older ones then refuse it. */
export interface MetaRow {
  readonly rules: string
  /** The last number of the log. */
  readonly sequence: number
  readonly conflicts: number
  /** Grows with every commit, so that of two that ran at the same time one fails its check. */
  readonly version: number
  /** There from the first commit on that may keep the holders of an identifier in its row: see holders.ts. */
  readonly layout?: typeof LAYOUT | undefined
  /**
   * An identifier that was known has left, or nobody knows: where it comes back, the profile id that it founds may lead to
   * another. Without it no id of somebody new is taken, since of a profile that became part of another the founder is known.
   */
  readonly redirects?: true | undefined
  /** Under which name the tables stand; absent: under the graph's own. Another after each adoption of rules. */
  readonly generation?: string | undefined
  /** Microseconds: the time as of which the graph stands, where one was given. */
  readonly asOf?: number | undefined
  /** The time that it is on its way to. */
  readonly aging?: number | undefined
  /** There from the first forget on. */
  readonly forgets?:
    | {
        /** Of the tombstones. */
        readonly salt: string
        /** The table `forgetting` has rows: something is to be erased before anything else is written. */
        readonly pending?: true | undefined
        /** False: no record has identifiers that stand in no index. Left out: not looked yet. */
        readonly crowded?: boolean | undefined
      }
    | undefined
}

const count = z.int().min(0)
const META = z.strictObject({
  rules: z.string(),
  sequence: count,
  conflicts: count,
  version: count,
  layout: z.literal(LAYOUT).optional(),
  redirects: z.literal(true).optional(),
  generation: z.string().optional(),
  asOf: z.number().optional(),
  aging: z.number().optional(),
  forgets: z
    .strictObject({ salt: z.string(), pending: z.literal(true).optional(), crowded: z.boolean().optional() })
    .optional(),
})

/**
 * The row as it stands, so that it can be compared with itself in a check.
 *
 * Throws  IDENTITY_VERSION_NEWER for what this version does not know the meaning of.
 */
export function metaOf(value: Json | undefined): MetaRow | undefined {
  if (value === undefined) return undefined
  if (!META.safeParse(value).success) throw new LakeloopError('IDENTITY_VERSION_NEWER', { part: 'graph' })
  return value as object as MetaRow
}
