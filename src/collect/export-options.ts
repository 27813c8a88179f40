import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'
import type { Clock } from '../transport/clock.js'
import type { Fetch } from '../transport/http-client.js'
import type { SecretSource } from '../transport/secret.js'

/** Iterable's own spelling: `user`, or a kind of event. Source: Iterable api-docs.json, `StartExportRequest` (53 names). */
export type ExportDataType =
  | 'user'
  | 'customEvent'
  | 'purchase'
  | 'emailSend'
  | 'emailOpen'
  | 'emailClick'
  | 'emailBounce'
  | 'emailComplaint'
  | 'emailSubscribe'
  | 'emailUnSubscribe'
  | 'pushSend'
  | 'pushOpen'
  | 'smsSend'
  | 'smsClick'
  | 'smsReceived'
  | 'inAppOpen'
  | 'inAppClick'
  | 'webPushSend'
  | 'webPushClick'
  | (string & {})

export interface IterableExportOptions {
  /** What its pace is counted by: the same as the destination's of this account. */
  readonly project: string
  /** A server-side key, or a function that gives one; the function is asked again when Iterable answers 401. */
  readonly apiKey: SecretSource
  readonly dataCenter: 'us' | 'eu'
  readonly dataType: ExportDataType
  /** Where the first read begins: ISO 8601 with a zone, to the second. Users are found by when they last changed. */
  readonly from: string
  /** See `Source`. Default: `iterable-` and the data type. */
  readonly name?: string | undefined
  /**
   * How long before now a read ends, in milliseconds: 0 to 604,800,000. Iterable shows an event minutes after the time that it is
   * filed under, and one that a read has passed by is never read. Default 3,600,000, an hour.
   */
  readonly lagMs?: number | undefined
  /** Bytes that are held at once: 1,000,000 to 1,000,000,000. A span of time with more is asked for in halves. Default 64,000,000. */
  readonly bytesMax?: number | undefined
  /** Exports a minute that the project may have, above 0 to 60,000. Default 4, as Iterable publishes. */
  readonly perMinute?: number | undefined
  /** Share of that to use, above 0 to 1: all tools of the account share it. Default 0.8. */
  readonly share?: number | undefined
  /** For how long nothing may come, in milliseconds: 100 to 3,600,000. Default 300,000. */
  readonly timeoutMs?: number | undefined
  /** Instead of the data center's: https, or http to this machine itself. For tests. */
  readonly baseUrl?: string | undefined
  readonly fetch?: Fetch | undefined
  readonly clock?: Clock | undefined
  /** Milliseconds since 1970. Default the machine's. */
  readonly now?: (() => number) | undefined
}

const aFunction = z.custom<(...given: never[]) => unknown>((value) => typeof value === 'function', 'must be a function')

const schema = z.strictObject({
  project: z.string().min(1).max(200),
  apiKey: z.unknown(), // judged by Secret, which says more
  dataCenter: z.enum(['us', 'eu']),
  dataType: z.string().regex(/^[A-Za-z]{1,64}$/, 'is not letters alone'),
  from: z.iso.datetime({ offset: true }),
  name: z.string().min(1).optional(),
  lagMs: z.int().min(0).max(604_800_000).default(3_600_000),
  bytesMax: z.int().min(1_000_000).max(1_000_000_000).default(64_000_000),
  perMinute: z.number().gt(0).max(60_000).default(4),
  share: z.number().gt(0).max(1).default(0.8),
  timeoutMs: z.int().min(100).max(3_600_000).default(300_000),
  baseUrl: z.string().optional(),
  fetch: aFunction.optional(),
  now: aFunction.optional(),
  clock: z.custom((value) => typeof value === 'object' && value !== null, 'must be a clock').optional(),
})

export const PART = 'IterableExport'

/** The options with their defaults. Throws OPTION_INVALID, which names the option and never its value. */
export function checkedOptions(options: IterableExportOptions): z.infer<typeof schema> {
  const checked = schema.safeParse(options)
  if (checked.success) return checked.data
  throw new LakeloopError('OPTION_INVALID', { part: PART, ...optionFault(checked.error, schema) })
}
