import { LakeloopError } from '../../errors.js'
import type { Outcome } from '../../model/outcome.js'
import type { Json, JsonObject, Reason } from '../../model/value.js'
import { accuse } from '../suspects.js'
import { unscoped } from './answers.js'
import { parsed } from './payload.js'
import type { WireRequest, WireRow } from './wire.js'

/**
 * The lists of `failedUpdates`, each for emails and for userIds. The order decides for a row that stands in several:
 * the most final first. Source: Iterable api-docs.json `FailedUserUpdates`, `FailedEventUpdates`.
 */
const LISTS: readonly (readonly [name: string, code: string])[] = [
  ['forgotten', 'USER_FORGOTTEN'],
  ['conflict', 'USER_CONFLICT'],
  ['invalidData', 'DATA_INVALID'],
  ['notFound', 'USER_UNKNOWN'],
  ['invalid', 'EMAIL_INVALID'],
]

/** Reasons that are about what was written and not about who: one write of a folded row may be at fault alone. */
const ABOUT_DATA = new Set(['DATA_INVALID', 'USER_CONFLICT'])

/**
 * What became of each action of a bulk request, from counts and lists of identifiers.
 *
 * Shape   one outcome per entry of `request.actions`. Emails are compared in lower case, userIds as they stand.
 * Throws  REQUEST_REFUSED, with suspects, where counts and lists cannot be brought together or may mean one of several
 *         writes: sent again in smaller parts, which is harmless (I2), each part can be read. DESTINATION_ANSWER_UNCLEAR
 *         for an answer without counts. So nothing is success or failure because it was not understood (I10).
 */
export function bulkOutcomes(request: WireRequest, answer: JsonObject): readonly Outcome[] {
  const { endpoint } = request
  const { rows } = request.wire
  const counts = [answer.successCount, answer.failCount]
  if (!counts.every((count) => Number.isInteger(count) && (count as number) >= 0)) {
    throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem: 'something without counts' })
  }
  const reasons = failures(request, answer)
  const failed = reasons.size
  addDisallowed(rows, answer, reasons)
  const [successCount, failCount] = counts as [number, number]
  const sum = failCount + successCount
  const noOps = strings(answer.noOpEmails).length + strings(answer.noOpUserIds).length
  const uncounted = reasons.size - failed + noOps
  const fits = failCount >= failed && failCount <= reasons.size && sum <= rows.length && sum >= rows.length - uncounted
  // A failure without a name may hide behind an event that is not allowed, and perhaps is not counted.
  const clear = fits && successCount + noOps >= rows.length - reasons.size
  if (!clear) return unclearCounts(request, reasons, failCount)
  const isNobodyKnown = rows.length > 1 && rows.every((row) => reasons.get(row)?.code === 'USER_UNKNOWN')
  // It makes whom it does not know, unless they are named by what identifies nobody there. One row alone may be odd.
  if (endpoint === 'users/bulkUpdate' && isNobodyKnown)
    throw new LakeloopError('DESTINATION_PROJECT_TYPE', { endpoint })
  const folded = [...reasons].filter(([row, { code }]) => row.actions.length > 1 && ABOUT_DATA.has(code))
  if (folded.length > 0)
    throw several(
      request,
      folded.map(([row]) => row),
    )
  return outcomes(request, reasons, filteredOut(request, answer))
}

/**
 * True if the only row of an update of subscriptions is sound and failed inside Iterable: nobody knows what became of it.
 *
 * Throws  REQUEST_REFUSED, with suspects, where there are more rows (I10).
 * Source  Iterable api-docs.json `validEmailFailures`, `validUserIdFailures`.
 */
export function failedInside(request: WireRequest, answer: JsonObject): boolean {
  const [emails, userIds] = [strings(answer.validEmailFailures), strings(answer.validUserIdFailures)]
  if (emails.length + userIds.length === 0) return false
  if (request.wire.rows.length === 1) return true
  const find = finder(request)
  throw several(request, [...emails.flatMap((id) => find(id, true)), ...userIds.flatMap((id) => find(id, false))])
}

/** Why each row that a list names failed. */
function failures(request: WireRequest, answer: JsonObject): Map<WireRow, Reason> {
  const { endpoint } = request
  const reasons = new Map<WireRow, Reason>()
  const find = finder(request)
  const note = (code: string, ids: Json | undefined, byEmail: boolean): void => {
    for (const id of strings(ids)) {
      for (const row of find(id, byEmail)) if (!reasons.has(row)) reasons.set(row, { code, facts: {} })
    }
  }
  const updates = (answer.failedUpdates ?? {}) as JsonObject
  for (const [name, code] of LISTS) {
    note(code, updates[`${name}Emails`], true)
    note(code === 'EMAIL_INVALID' ? 'USER_ID_INVALID' : code, updates[`${name}UserIds`], false)
  }
  // Deprecated, and the userIds of trackBulk are those that were not found. Source: api-docs.json.
  note('EMAIL_INVALID', answer.invalidEmails, true)
  note(endpoint === 'events/trackBulk' ? 'USER_UNKNOWN' : 'USER_ID_INVALID', answer.invalidUserIds, false)
  return reasons
}

/** Adds the rows whose event is not allowed; whether Iterable counts them as failed is not known. */
function addDisallowed(rows: readonly WireRow[], answer: JsonObject, reasons: Map<WireRow, Reason>): void {
  const names = new Set(strings(answer.disallowedEventNames))
  for (const row of rows) {
    const { eventName } = row
    if (eventName === undefined || !names.has(eventName) || reasons.has(row)) continue
    reasons.set(row, { code: 'EVENT_NAME_DISALLOWED', facts: { eventName } })
  }
}

/** Counts that do not fit the lists: a single write is settled by what is known, more are sent in smaller parts. */
function unclearCounts(
  request: WireRequest,
  reasons: ReadonlyMap<WireRow, Reason>,
  failCount: number,
): readonly Outcome[] {
  const [only] = request.wire.rows
  if (request.actions.length > 1) throw several(request, [...reasons.keys()])
  const reason = only === undefined ? undefined : reasons.get(only)
  if (reason !== undefined) return outcomes(request, reasons, NOTHING_LOST)
  if (failCount > 0) return [{ status: 'rejected', reason: { code: 'ROW_FAILED_UNNAMED', facts: {} } }]
  const problem = 'counts that are not those of one row'
  throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint: request.endpoint, problem })
}

function several(request: WireRequest, rows: readonly WireRow[]): LakeloopError {
  const problem = 'it counts failures that cannot be told apart'
  const error = new LakeloopError('REQUEST_REFUSED', { endpoint: request.endpoint, problem, vendorCode: 'none' })
  return accuse(
    error,
    rows.flatMap((row) => row.actions),
  )
}

/** Fields that Iterable left out of what it stored. `unknown`: one of them is in no write of the request. */
interface Lost {
  readonly fields: ReadonlySet<string>
  readonly unknown: boolean
}

const NOTHING_LOST: Lost = { fields: new Set(), unknown: false }

/** A write that has such a field was not delivered as it was given, though the rest of it was. */
function filteredOut(request: WireRequest, answer: JsonObject): Lost {
  const fields = new Set(strings(answer.filteredOutFields).map(unscoped))
  if (fields.size === 0) return NOTHING_LOST
  const had = new Set<string>()
  for (const index of request.actions) {
    for (const path of request.wire.block.shape(index).fields.keys()) had.add(path.replaceAll('[]', ''))
  }
  const unknown = [...fields].some((field) => !had.has(field))
  if (unknown && request.actions.length > 1) throw several(request, [])
  return { fields, unknown }
}

function outcomes(request: WireRequest, reasons: ReadonlyMap<WireRow, Reason>, lost: Lost): readonly Outcome[] {
  const all: Outcome[] = []
  const isClean = reasons.size === 0 && lost.fields.size === 0
  for (const row of request.wire.rows) {
    const reason = isClean ? undefined : reasons.get(row)
    for (const index of row.actions) all.push(isClean ? ACCEPTED : outcome(request, index, reason, lost))
  }
  return all
}

const ACCEPTED: Outcome = { status: 'accepted' }

function outcome(request: WireRequest, index: number, reason: Reason | undefined, lost: Lost): Outcome {
  // Who is unknown, or was forgotten, is on no list: that is what was asked for.
  const isNobody = reason?.code === 'USER_UNKNOWN' || reason?.code === 'USER_FORGOTTEN'
  const gone = request.endpoint === 'lists/unsubscribe' && isNobody
  if (reason !== undefined && !gone) return { status: 'rejected', reason }
  const field = lost.fields.size === 0 ? undefined : lostField(request, index, lost)
  return field === undefined
    ? ACCEPTED
    : { status: 'rejected', reason: { code: 'FIELD_NOT_ALLOWED', facts: { field } } }
}

/** The first field of the action that was left out. One that is null removes nothing that is not there. */
function lostField(request: WireRequest, index: number, lost: Lost): string | undefined {
  for (const [path, type] of request.wire.block.shape(index).fields) {
    const field = path.replaceAll('[]', '')
    if (type !== 'null' && lost.fields.has(field)) return field
  }
  return lost.unknown ? 'which the row does not name' : undefined
}

/** Rows by identifier: by those that address them, and, looked up only when needed, by those inside their data. */
function finder({ wire }: WireRequest): (id: string, byEmail: boolean) => readonly WireRow[] {
  const index = (pick: (row: WireRow) => readonly (string | undefined)[]): Map<string, WireRow[]> => {
    const map = new Map<string, WireRow[]>()
    for (const row of wire.rows) {
      for (const id of new Set(pick(row))) if (id !== undefined) map.set(id, [...(map.get(id) ?? []), row])
    }
    return map
  }
  const lazily = <T>(make: () => T): (() => T) => {
    let made: T | undefined
    return () => {
      made ??= make()
      return made
    }
  }
  const inside = (row: WireRow, field: 'email' | 'userId'): string[] =>
    row.actions.flatMap((at) => {
      const value = parsed(wire.block.payload(at))[field]
      return typeof value === 'string' ? [field === 'email' ? value.trim().toLowerCase() : value] : []
    })
  const emails = lazily(() => index((row) => [row.email]))
  const userIds = lazily(() => index((row) => [row.userId]))
  const emailsInside = lazily(() => index((row) => [wire.frame.change?.to, ...inside(row, 'email')]))
  const userIdsInside = lazily(() => index((row) => inside(row, 'userId')))
  return (id, byEmail) => {
    const wanted = byEmail ? id.trim().toLowerCase() : id
    const found = (byEmail ? emails() : userIds()).get(wanted)
    return found ?? (byEmail ? emailsInside() : userIdsInside()).get(wanted) ?? []
  }
}

function strings(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter((entry) => typeof entry === 'string') : []
}
