import { createHash } from 'node:crypto'
import type { JsonObject } from '../../model/value.js'
import { refuseDots } from './fields/dots.js'
import { type FakeType, Typing } from './fields/field-types.js'
import { merged, without } from './fields/merge.js'
import type { Project } from './project.js'
import { query, type Route, route } from './route.js'
import { BulkResult, type Failing, type RefusedRow } from './users/bulk.js'
import type { Claim } from './users/people.js'
import { dateTime } from './users/user-reads.js'
import { refusedOne } from './users/users.js'
import { envelope, type FakeAnswer, type FakeRequest, json, Refused } from './wire/answer.js'
import type { Rules } from './wire/body-check.js'
import { plain } from './wire/spelled.js'

/** Source: SW `TrackRequest`. */
const EVENT: Rules = {
  email: 'string?',
  userId: 'string?',
  eventName: 'string',
  id: 'string?',
  createdAt: 'long?',
  dataFields: 'object?',
  campaignId: 'long?',
  templateId: 'long?',
  createNewFields: 'boolean?',
}

/** Letters, digits and hyphens, at most 512 bytes. Source: HC-206430615; what a forbidden character gets is unsure. */
const ID = /^[A-Za-z0-9-]{1,512}$/
/** A time beyond the year 5000 in seconds is one in milliseconds. Source: reference 4.6. */
const SECONDS_MAX = 95_617_584_000
/** Source: SW (GET events: default 30, at most 200). */
const [SHOWN, SHOWN_MAX] = [30, 200]

/** Ids and times of all events or purchases: one that is wrong refuses the request (unsure, switchable). */
export function refuseOdd({ unsure }: Project, rows: readonly JsonObject[]): void {
  for (const { id, createdAt } of rows) {
    if (typeof id === 'string' && !ID.test(id) && unsure.eventIdOther === 'refused')
      throw new Refused(envelope(400, 'BadParams', 'Invalid id'))
    if (typeof createdAt === 'number' && createdAt > SECONDS_MAX && unsure.createdAtMs === 'refused')
      throw new Refused(envelope(400, 'BadParams', 'createdAt is out of range'))
  }
}

/** What a request says about the fields of its events: by row, the paths to make or to leave out. */
interface TypedEvents {
  readonly unknown: readonly (readonly string[])[]
  readonly typings: ReadonlyMap<string, Typing>
}

/**
 * Source: SW (types hold per event name, `createNewFields` per event), GO (one conflict refuses the batch; `name:::field`).
 * The category of events in the body is invented.
 */
function typeEvents(project: Project, rows: readonly JsonObject[]): TypedEvents {
  refuseDots(rows, project.unsure)
  const typings = new Map<string, Typing>()
  const unknown = rows.map(({ eventName, dataFields, createNewFields }) => {
    const name = String(eventName)
    const typing = typings.get(name) ?? new Typing(project.eventFields.get(name) ?? new Map(), project.unsure)
    typings.set(name, typing)
    return typing.unknown((dataFields ?? {}) as JsonObject, project.creates(createNewFields))
  })
  project.refuseConflicts(
    [...typings].map(([name, typing]) => [{ type: name, category: 'customEvent', prefix: `${name}:::` }, typing]),
  )
  const max = project.options.eventFieldsMax ?? 8_000
  if (project.unsure.eventFieldsOf === 'name') {
    for (const [name, { fresh }] of typings)
      project.requireRoom(fresh.size, max - (project.eventFields.get(name)?.size ?? 0))
    return { unknown, typings }
  }
  const sum = (maps: Iterable<ReadonlyMap<string, FakeType>>) => [...maps].reduce((all, { size }) => all + size, 0)
  project.requireRoom(sum([...typings.values()].map(({ fresh }) => fresh)), max - sum(project.eventFields.values()))
  return { unknown, typings }
}

/** Writes an event; the same id is the same event. Source: HC-206430615 (upsert by id, whatever the name). */
function track(
  project: Project,
  row: JsonObject,
  address: string,
  how: { endpoint: string; typed: TypedEvents; at: number },
) {
  const { ledger, unsure, now, eventFields } = project
  const name = String(row.eventName)
  const { id: given, createdAt } = row as { id?: string; createdAt?: number }
  const paths = how.typed.unknown[how.at] ?? []
  const create = project.creates(row.createNewFields)
  const fields = without(plain((row.dataFields ?? {}) as JsonObject), new Set(create ? [] : paths))
  const types = eventFields.get(name) ?? new Map<string, FakeType>()
  eventFields.set(name, types)
  if (create) for (const path of paths) types.set(path, how.typed.typings.get(name)?.fresh.get(path) as FakeType)
  const made = createHash('sha256').update(`${ledger.entries.length}`).digest('hex').slice(0, 24)
  const id = given ?? made
  const stored = ledger.eventsById.get(id)
  const dataFields =
    unsure.eventUpsert === 'merge' ? merged(stored?.dataFields ?? {}, fields, true) : merged({}, fields, true)
  const at = createdAt ?? stored?.createdAt ?? Math.floor(now() / 1_000)
  const whose = stored !== undefined && !unsure.eventUpsertMoves ? stored : { address, eventName: name }
  const { eventName } = whose
  ledger.eventsById.set(id, { id, address: whose.address, eventName, createdAt: at, dataFields })
  project.applied({
    address: whose.address,
    kind: 'event',
    endpoint: how.endpoint,
    detail: { id, eventName, createdAt: at },
  })
  return { id, created: create ? paths : [], filtered: create ? [] : paths }
}

/** Whose event it is. Unknown people are not created, unless told otherwise. Source: SW `FailedEventUpdates`, HC-29156459027348. */
function whose(project: Project, row: JsonObject, failing?: Failing): Claim | RefusedRow {
  const { dataFields: _fields, ...who } = row // an email inside an event's data is data
  const claim = project.judge(who, failing)
  if ('refused' in claim || claim.user !== undefined) return claim
  if (!project.byEmail && project.unsure.trackBulkCreates && failing !== undefined) return claim
  return project.notFound(claim)
}

/** POST /api/events/trackBulk. Source: SW, GO, VCR (no events: zeros). */
function trackBulk(project: Project, request: FakeRequest, failing: Failing): FakeAnswer {
  const check = project.check(request)
  const rows = check.rows('events', EVENT)
  check.end()
  project.requireIdentifiers(rows, 'be specified in a track call')
  refuseOdd(project, rows)
  const typed = typeEvents(project, rows)
  const result = new BulkResult()
  rows.forEach((row, at) => {
    const claim = whose(project, row, failing)
    const name = String(row.eventName)
    if (project.options.disallowedEvents?.includes(name)) {
      result.disallow(name, project.unsure.disallowedCounted)
    } else if ('refused' in claim) {
      result.fail(claim)
    } else {
      const address = project.knownAddress(claim)
      if (project.options.discardedEvents?.includes(name)) result.wrote({ created: [], filtered: [] })
      else result.wrote(track(project, row, address, { endpoint: 'events/trackBulk', typed, at }))
    }
  })
  return result.ofEvents(project.unsure)
}

/** POST /api/events/track. A disallowed name is 200 with a message. Source: GO `batch/event_track.go`, HC-115002065083. */
function trackOne(project: Project, request: FakeRequest): FakeAnswer {
  const body = project.single(request, EVENT)
  project.requireIdentifiers([body], 'be specified in a track call')
  refuseOdd(project, [body])
  const name = String(body.eventName)
  if (project.options.disallowedEvents?.includes(name))
    return envelope(200, 'Success', `Event ${name} is disallowed from tracking`)
  const claim = whose(project, body)
  const id = typeof body.id === 'string' ? body.id : 'dropped'
  if ('refused' in claim) {
    const drops = claim.refused.startsWith('notFound') && project.unsure.unknownOnTrack === 'dropped'
    return drops ? tracked(id) : refusedOne(project, claim)
  }
  if (project.options.discardedEvents?.includes(name)) return tracked(id)
  const typed = typeEvents(project, [body])
  return tracked(track(project, body, project.knownAddress(claim), { endpoint: 'events/track', typed, at: 0 }).id)
}

/** Source: HC-206430615, RT. */
const tracked = (id: string): FakeAnswer => envelope(200, 'Success', `Event with id: ${id} tracked.`, { id })

/** GET /api/events/{email} and byUserId/{id}: newest first. Source: VCR (shape of a customEvent), SW (limit). */
function eventsOf(project: Project, request: FakeRequest, address: string): FakeAnswer {
  const limit = Number(query(request, 'limit') ?? SHOWN)
  const { user, events, purchases } = project.visible.person(address)
  const ids = { ...(user?.email && { email: user.email }), ...(user?.userId && { userId: user.userId }) }
  const custom = events.map(({ eventName, createdAt, dataFields }) => ({
    createdAt,
    shown: { eventName, eventType: 'customEvent', dataFields },
  }))
  // Unsure whether they stand here, and under which names.
  const bought = (project.unsure.purchasesAmongEvents ? purchases : []).map(({ id, createdAt, total, dataFields }) => ({
    createdAt,
    shown: { eventType: 'purchase', id, total, dataFields },
  }))
  const newest = [...custom, ...bought].sort((a, b) => b.createdAt - a.createdAt).slice(0, Math.min(limit, SHOWN_MAX))
  const shown = newest.map(({ createdAt, shown: one }) => ({ ...ids, createdAt: dateTime(createdAt * 1_000), ...one }))
  return json(200, { events: shown })
}

export const EVENTS: readonly Route[] = [
  route('POST events/track', ({ project, request }) => trackOne(project, request)),
  route('POST events/trackBulk', ({ project, request, failing }) => trackBulk(project, request, failing)),
  route(
    'GET events/byUserId/{userId}',
    ({ project, request, parts: [userId = ''] }) => eventsOf(project, request, project.people.addressFor({ userId })),
    'events/byUserId',
  ),
  route(
    'GET events/{email}',
    ({ project, request, parts: [email = ''] }) => eventsOf(project, request, project.people.addressFor({ email })),
    'events/get',
  ),
]
