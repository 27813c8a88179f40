import { explain } from '../errors.js'
import type { OutcomeStatus } from '../model/outcome.js'
import type { DriftChange, ListCounts, ReasonCount, RowCounts } from '../model/report.js'
import { type UnusableCounts, unusableLines } from '../model/unusable.js'
import type { Json, JsonObject, Reason } from '../model/value.js'
import type { RunMode } from './checkpoint.js'

/** One request that would be sent. `digest` is the SHA-256 of its bytes, in hex. */
export interface PlannedRequest {
  readonly endpoint: string
  readonly actions: number
  readonly bytes: number
  readonly digest: string
  /** With `payloads: true`: its bytes, read as UTF-8. Holds values and addresses. */
  readonly body?: string
}

/** All requests to one endpoint, in the order in which endpoints are first written to. */
export interface PlannedEndpoint {
  readonly endpoint: string
  readonly requests: number
  readonly actions: number
  readonly bytes: number
  /** Dotted paths of the fields that the payloads have, sorted; of the first 10,000 that were met. */
  readonly fields: readonly string[]
  /** Starts of requests per second that the destination keeps to. Left out: it says none. */
  readonly perSecond?: number
}

/** What the destination does not have, as far as it knows, and would make; sorted, of the first 10,000 that were met. */
export interface PlannedCreations {
  readonly lists: readonly string[]
  readonly fields: readonly string[]
  readonly catalogs: readonly string[]
}

/** Milliseconds that the parts of a run take at the pace of the destination, one after the other. */
export interface PlannedTime {
  /** People whose address moved: one request after the other. */
  readonly moves: number
  /** What the rows made: endpoints have a pace each and run beside one another, so the slowest counts. */
  readonly rows: number
  /** The wait until the profiles accepted last have settled (`settleMs`). */
  readonly settling: number
  /** Removals and additions, one endpoint after the other. */
  readonly lists: number
}

/** A row that would not arrive. */
export interface PlannedLoss {
  readonly status: Extract<OutcomeStatus, 'rejected' | 'parked'>
  /** The row's key; left out where it has none. */
  readonly key?: string
  readonly reason: Reason
}

/**
 * What a run would send, if the destination accepted all of it. Plain data: it may be kept as JSON and given to `run` by
 * another process. Safe to print: counts, sizes, digests and names, no bodies and no keys, unless payloads were asked for (I7).
 *
 * Cost    about 200 bytes a request: 10 million rows are 10,000 requests, 2 MB. With payloads, those as well.
 */
export interface Plan {
  readonly sync: string
  /** What was asked for, and what a run of this plan does. */
  readonly mode?: RunMode
  readonly madeAt: string
  readonly rows: RowCounts
  /** In the order in which they would start. */
  readonly requests: readonly PlannedRequest[]
  readonly endpoints: readonly PlannedEndpoint[]
  readonly creates: PlannedCreations
  readonly lists: readonly ListCounts[]
  readonly reasons: readonly ReasonCount[]
  /** See the report of a run. A plan of an earlier version has none. */
  readonly unusable?: UnusableCounts
  /** With `payloads: true`: the first `rowsMax` rows that would be rejected or parked, in the order in which they end. */
  readonly losses?: readonly PlannedLoss[]
  readonly drift: readonly DriftChange[]
  /**
   * The sum of `timeParts`: how long sending takes at the pace of the destination, if it answers at once and refuses nothing.
   * Reading and transforming go on meanwhile. Left out where an endpoint has no pace that is known.
   */
  readonly timeMs?: number
  readonly timeParts: PlannedTime
  /** Why the run would stop. */
  readonly error?: { readonly code: string; readonly message: string }
  /** What the plan holds for: `run({ plan })` refuses once one of these has moved on. Digests, but for `epoch` and `now`. */
  readonly pins: PlanPins
}

export interface PlanPins {
  /** Where the sync stood. */
  readonly checkpoint: string
  /** Where identity stood, before the rows of this plan taught it anything. */
  readonly identity: string
  /** The columns that the source described, and where its history stood; of nothing where only reading tells. */
  readonly schema: string
  readonly transform: string
  readonly epoch: string
  readonly now: number
}

/** A plan for people: one line per thing that would happen. */
export function planText(plan: Plan): string {
  const { read, unchanged } = plan.rows
  const { lists, fields, catalogs } = plan.creates
  const made = (kind: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`  makes ${names.length === 1 ? kind : `${kind}s`}: ${names.join(', ')}`]
  return [
    `plan of ${plan.sync}: ${read} rows read, ${unchanged} unchanged`,
    ...plan.endpoints.map(
      ({ endpoint, requests, actions, bytes }) =>
        `  ${endpoint}: ${requests} requests, ${actions} actions, ${bytes} bytes`,
    ),
    ...made('list', lists),
    ...made('field', fields),
    ...made('catalog', catalogs),
    ...plan.lists.map(
      ({ list, add, remove, keep, held }) => `  list ${list}: add ${add}, remove ${remove}, keep ${keep}, held ${held}`,
    ),
    ...plan.reasons.map(
      ({ status, reason, rows }) => `  ${rows} rows ${status}: ${explain(reason.code, reason.facts)}`,
    ),
    ...unusableLines(plan.unusable),
    ...(plan.losses ?? []).map(
      ({ status, key, reason }) => `    ${status}: ${key ?? 'a row without a key'}: ${reason.code}`,
    ),
    ...plan.drift.map(({ kind, column, decision }) => `  schema: ${column} ${kind}, ${decision}`),
    ...(plan.requests.length === 0 ? [] : [timeText(plan)]),
    ...(plan.error === undefined ? [] : [`  would stop: ${plan.error.message}`]),
  ].join('\n')
}

function timeText({ timeMs, timeParts }: Plan): string {
  if (timeMs === undefined) return '  time: not known, the destination says no pace'
  const parts = Object.entries(timeParts).filter(([, ms]) => ms > 0)
  const said = parts.map(([part, ms]) => `${part} ${secondsText(ms)}`).join(', ')
  return `  time at the pace: ${secondsText(timeMs)}${said === '' ? '' : ` (${said})`}`
}

/** To a second above a minute, to a tenth of one below. */
function secondsText(ms: number): string {
  if (ms < 59_950) return `${Number((ms / 1_000).toFixed(1))} s`
  const seconds = Math.round(ms / 1_000)
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)]
  return `${hours > 0 ? `${hours} h ` : ''}${minutes} min ${seconds % 60} s`
}

/**
 * A plan as JSON text, for CI: keys sorted, and what has no order by its name, so that equal plans are equal texts. `run` takes
 * it parsed. What differs from one plan to the next of the same state are `madeAt` and, of `pins`, `epoch` and `now`.
 */
export function planJson(plan: Plan): string {
  const inOrder = {
    ...plan,
    endpoints: sorted(plan.endpoints),
    lists: sorted(plan.lists),
    reasons: sorted(plan.reasons),
    drift: sorted(plan.drift),
  }
  return `${JSON.stringify(canonical(inOrder as unknown as Json), null, 2)}\n`
}

const sorted = (things: readonly object[]): readonly object[] =>
  things
    .map((thing) => [JSON.stringify(canonical(thing as Json)), thing] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, thing]) => thing)

/** The same value with the keys of every object in one order, and without those that hold nothing. */
export function canonical(value: Json): Json {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const { ...held } = value as JsonObject
  const keys = Object.keys(held).sort()
  return Object.fromEntries(
    keys.filter((key) => held[key] !== undefined).map((key) => [key, canonical(held[key] as Json)]),
  )
}
