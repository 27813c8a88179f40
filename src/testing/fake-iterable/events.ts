import { createHash } from 'node:crypto'
import type { JsonObject } from '../../model/value.js'
import { envelope, type FakeAnswer, json } from './answer.js'
import { BodyCheck, type Rules } from './body-check.js'
import { bulkAnswer, type FailureList, type Project } from './project.js'
import { plain } from './spelled.js'
import { refusedOne } from './users.js'

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

/** Letters, digits and hyphens, at most 512 bytes. Source: HC-206430615; what a forbidden character gets is unsure: here 400. */
const ID = /^[A-Za-z0-9-]{1,512}$/
/** A time beyond the year 5000 in seconds is one in milliseconds. */
const SECONDS_MAX = 95_617_584_000

function refusedEvents(project: Project, rows: readonly JsonObject[]): FakeAnswer | undefined {
  for (const { id, createdAt } of rows) {
    if (typeof id === 'string' && !ID.test(id)) return envelope(400, 'BadParams', 'Invalid event id')
    const late = typeof createdAt === 'number' && createdAt > SECONDS_MAX
    if (late && project.unsure.createdAtMs === 'refused') return envelope(400, 'BadParams', 'createdAt is out of range')
  }
  return undefined
}

/** Writes an event; the same id is the same event. Source: HC-206430615 (upsert by id, whatever the name). */
function track(project: Project, row: JsonObject, address: string, endpoint: string): string {
  const { ledger, now } = project
  const {
    eventName,
    id: given,
    createdAt,
    dataFields = {},
  } = plain(row) as {
    eventName: string
    id?: string
    createdAt?: number
    dataFields?: JsonObject
  }
  const made = createHash('sha256').update(`${ledger.entries.length}`).digest('hex').slice(0, 24)
  const id = given ?? made
  const at = createdAt ?? Math.floor(now() / 1_000)
  ledger.eventsById.set(id, { id, address, eventName, createdAt: at, dataFields })
  ledger.note({ address, kind: 'event', endpoint, detail: { id, eventName, createdAt: at } })
  return id
}

/** POST /api/events/trackBulk. Unknown users are not created. Source: SW `FailedEventUpdates`, HC-29156459027348, GO. */
export function trackBulk(project: Project, bytes: Uint8Array, failing: ReadonlyMap<string, FailureList>): FakeAnswer {
  const check = new BodyCheck('/api/events/trackBulk', bytes)
  const rows = check.rows('events', EVENT)
  check.end()
  if (rows.length > 0) project.requireIdentifiers(rows)
  const refused = refusedEvents(project, rows)
  if (refused !== undefined) return refused
  const disallowed = new Set(project.options.disallowedEvents ?? [])
  const disallowedEventNames = new Set<string>()
  const failures: [FailureList, string][] = []
  let successCount = 0
  for (const row of rows) {
    const named = project.name(row)
    const forced = 'address' in named ? failing.get(named.address) : undefined
    const name = String(row.eventName)
    if (disallowed.has(name)) disallowedEventNames.add(name)
    else if ('refused' in named) failures.push([named.refused, named.echo])
    else if (forced !== undefined) failures.push([forced, named.address])
    else if (!project.ledger.people.has(named.address)) {
      failures.push([named.address.includes('@') ? 'notFoundEmails' : 'notFoundUserIds', named.address])
    } else {
      track(project, row, named.address, 'events/trackBulk')
      successCount += 1
    }
  }
  return bulkAnswer(successCount, failures, {
    disallowedEventNames: [...disallowedEventNames],
    createdFields: [],
    filteredOutFields: [],
  })
}

/** POST /api/events/track. A disallowed name is 200 with a message. Source: GO `batch/event_track.go`, HC-115002065083. */
export function trackOne(project: Project, bytes: Uint8Array): FakeAnswer {
  const check = new BodyCheck('/api/events/track', bytes)
  check.fields(check.body, EVENT)
  check.end()
  project.requireIdentifiers([check.body])
  const refused = refusedEvents(project, [check.body])
  if (refused !== undefined) return refused
  const name = String(check.body.eventName)
  if (project.options.disallowedEvents?.includes(name)) {
    return envelope(200, 'Success', `Event ${name} is disallowed from tracking`)
  }
  const named = project.name(check.body)
  if ('refused' in named) return refusedOne(named.refused, named.echo)
  const id = track(project, check.body, named.address, 'events/track')
  return envelope(200, 'Success', `Event with id: ${id} tracked.`, { id })
}

/** GET /api/events/{email}: newest first. Source: VCR. */
export function eventsOf(project: Project, address: string): FakeAnswer {
  const events = [...project.ledger.events(address.toLowerCase())].sort((a, b) => b.createdAt - a.createdAt)
  return json(200, { events: events.slice(0, 200) })
}
