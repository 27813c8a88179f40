import type { ActionBlock } from '../../model/action.js'
import type { Json, Reason } from '../../model/value.js'
import { emailOf, userIdOf } from './address.js'
import { pointsOf } from './decimal-points.js'
import type { EventContracts } from './event-contracts.js'
import type { FieldContract } from './field-contract.js'
import { folded, quoted } from './payload.js'
import { type Draft, draftBytes, type Frame } from './wire.js'

/** What making rows depends on. */
export interface DraftRules {
  readonly addressedBy: 'email' | 'userId'
  /** Only in email projects, where emails alone identify: a userId that the action has goes along. */
  readonly sendUserId: boolean
  readonly mergeNestedObjects: boolean
  readonly createNewFields: boolean
  /** Bytes of a body. */
  readonly bytesMax: number
  readonly profileFields: FieldContract
  /** Of purchases and carts: nothing is known of theirs. */
  readonly otherFields: FieldContract
  readonly events: EventContracts
}

export type Refused = { readonly reason: Reason }
export const refused = (code: string, facts: Reason['facts'] = {}): Refused => ({ reason: { code, facts } })
export const isRefused = (made: object): made is Refused => 'reason' in made

/** How the person is named on the wire. */
export interface Who {
  readonly email?: string
  readonly userId?: string
  /** The one of the two that addresses. */
  readonly address: string
}

export function whoOf(block: ActionBlock, index: number, { addressedBy }: DraftRules): Who | Refused {
  const identifiers = block.identifiers(index)
  const raw = block.address(index) ?? identifiers[addressedBy]
  if (raw === undefined || raw === '') {
    if (Object.keys(identifiers).length === 0) return refused('IDENTIFIER_MISSING')
    return refused('ADDRESS_UNKNOWN', { target: addressedBy })
  }
  if (addressedBy === 'userId') {
    return userIdOf(raw) === undefined ? refused('USER_ID_INVALID') : { userId: raw, address: raw }
  }
  const email = emailOf(raw)
  return email === undefined ? refused('EMAIL_INVALID') : { email, address: email }
}

/** The beginning of a row that names the person, without the closing brace. An email in its form has nothing to escape. */
export function named({ email, userId }: Pick<Draft, 'email' | 'userId'>): string {
  if (email === undefined) return `{"userId":${quoted(userId ?? '')}`
  return userId === undefined ? `{"email":"${email}"` : `{"email":"${email}","userId":${quoted(userId)}`
}

export const profileFrame = ({ createNewFields }: DraftRules): Frame => ({
  endpoint: 'users/bulkUpdate',
  head: `{"createNewFields":${createNewFields},"users":[`,
  tail: ']}',
})

/** A profile write that later writes of the same address can be folded into. */
export interface ProfileDraft extends Draft {
  readonly address: string
  readonly payload: Uint8Array
  readonly doubles: ReadonlySet<string>
}

export function profileDraft(block: ActionBlock, index: number, rules: DraftRules): ProfileDraft | Refused {
  const found = whoOf(block, index, rules)
  if (isRefused(found)) return found
  const { reason, doubles } = rules.profileFields.verdict(block.shape(index))
  if (reason !== undefined) return { reason }
  const beside = rules.addressedBy === 'email' && rules.sendUserId ? block.identifiers(index).userId : undefined
  if (beside !== undefined && userIdOf(beside) === undefined) return refused('USER_ID_INVALID')
  const { address, email, userId = beside } = found
  return fitting(profileRow([index], { address, email, userId }, block.payload(index), doubles, rules), rules)
}

/**
 * What a row of users/bulkUpdate says beside its person and their data.
 *
 * `preferUserId` counts in email projects alone: where a project is one by mistake, true would make people with made-up
 * emails. Source: Iterable api-docs.json; help 29156459027348.
 */
export const rowFlags = ({ mergeNestedObjects }: DraftRules): string =>
  mergeNestedObjects
    ? '"preferUserId":false,"mergeNestedObjects":true'
    : '"preferUserId":false,"mergeNestedObjects":false'

function profileRow(
  actions: readonly number[],
  who: Pick<ProfileDraft, 'address' | 'email' | 'userId'>,
  payload: Uint8Array,
  doubles: ReadonlySet<string>,
  rules: DraftRules,
): ProfileDraft {
  const { address, email, userId } = who
  const points = pointsOf(payload, doubles)
  const head = `${named(who)},${rowFlags(rules)},"dataFields":`
  return { actions, address, email, userId, head, payload, points, tail: '}', doubles }
}

/** Both writes as one row, or `undefined` if one row cannot say it or would be too large. */
export function foldedProfile(before: ProfileDraft, after: ProfileDraft, rules: DraftRules): ProfileDraft | undefined {
  const whole = folded(before.payload, after.payload, rules.mergeNestedObjects)
  if (whole === undefined) return undefined
  const doubles = new Set([...before.doubles, ...after.doubles])
  const { address, email = before.email, userId = before.userId } = after
  const both = profileRow([...before.actions, ...after.actions], { address, email, userId }, whole, doubles, rules)
  return isRefused(fitting(both, rules)) ? undefined : both
}

export interface EventDraft extends Draft {
  readonly index: number
  readonly address: string
  readonly eventName: string
  readonly id: string | undefined
  readonly createdAt: number | undefined
  readonly payload: Uint8Array
  readonly points: readonly number[]
}

/** Seconds until the year 5138; a time in milliseconds has been beyond it since 1973. */
const CREATED_AT_MAX = 1e11
/** Source: Iterable help 206430615: at most 512 bytes of letters, digits and hyphens. */
const EVENT_ID = /^[A-Za-z0-9-]{1,512}$/

/** What is wrong with the id or the time of an event or a purchase: EVENT_ID_INVALID, CREATED_AT_INVALID. */
export function stampRefusal(id: Json | undefined, createdAt: Json | undefined): Refused | undefined {
  if (id !== undefined && !(typeof id === 'string' && EVENT_ID.test(id))) return refused('EVENT_ID_INVALID')
  if (createdAt === undefined || isWhole(createdAt, CREATED_AT_MAX)) return undefined
  return refused('CREATED_AT_INVALID')
}

export const isWhole = (value: Json, below: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < below

/** An event whose head is finished by {@link identified}, when all ids of the block are known. */
export function eventDraft(block: ActionBlock, index: number, rules: DraftRules): EventDraft | Refused {
  const who = whoOf(block, index, rules)
  if (isRefused(who)) return who
  const { eventName, id, createdAt } = block.detail(index)
  if (typeof eventName !== 'string' || eventName === '') {
    return refused('ACTION_INVALID', { kind: 'event', problem: 'has no eventName' })
  }
  const unstamped = stampRefusal(id, createdAt)
  if (unstamped !== undefined) return unstamped
  const { reason, doubles } = rules.events.verdict(eventName, block.shape(index))
  if (reason !== undefined) return { reason }
  const { address, email, userId } = who
  const head = `${named(who)},"eventName":${quoted(eventName)}`
  const payload = block.payload(index)
  const points = pointsOf(payload, doubles)
  const when = createdAt as number | undefined
  const given = id as string | undefined
  return {
    actions: [index],
    index,
    address,
    email,
    userId,
    eventName,
    id: given,
    createdAt: when,
    head,
    payload,
    points,
    tail: '}',
  }
}

export function identified(draft: EventDraft, id: string, rules: DraftRules): Draft | Refused {
  const { actions, email, userId, eventName, createdAt, payload, points, tail } = draft
  const when = createdAt === undefined ? '' : `,"createdAt":${createdAt}`
  const head = `${draft.head},"id":"${id}"${when},"createNewFields":${rules.createNewFields},"dataFields":`
  return fitting({ actions, email, userId, eventName, head, payload, points, tail }, rules)
}

export function membershipDraft(
  block: ActionBlock,
  index: number,
  rules: DraftRules,
): (Draft & { address: string }) | Refused {
  const who = whoOf(block, index, rules)
  if (isRefused(who)) return who
  const { address, email, userId } = who
  const person = { actions: [index], address, email, userId }
  if (block.detail(index).member !== true) return { ...person, head: named(who), tail: '}' }
  const said = `${named(who)},"preferUserId":false`
  const raw = block.payload(index)
  if (raw.byteLength <= EMPTY_BYTES) return { ...person, head: said, tail: '}' }
  const { reason, doubles } = rules.profileFields.verdict(block.shape(index))
  if (reason !== undefined) return { reason }
  const head = `${said},"mergeNestedObjects":${rules.mergeNestedObjects},"dataFields":`
  return fitting({ ...person, head, payload: raw, points: pointsOf(raw, doubles), tail: '}' }, rules)
}

/** Of `{}`. */
const EMPTY_BYTES = 2

/** @param room  a row must leave for what stands around it. */
function fitting<T extends Draft>(draft: T, { bytesMax }: DraftRules, room = 200): T | Refused {
  // No text has more than three bytes for one of its units: most need no counting.
  if (draft.head.length * 3 + (draft.payload?.length ?? 0) * 2 + room <= bytesMax) return draft
  const bytes = draftBytes(draft)
  return bytes + room > bytesMax ? refused('ROW_TOO_LARGE', { bytes }) : draft
}
