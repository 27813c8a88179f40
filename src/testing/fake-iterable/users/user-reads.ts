import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '../../../model/value.js'
import { dateOf, type FakeType } from '../fields/field-types.js'
import type { FakeUser } from '../ledger.js'
import type { Project } from '../project.js'
import { query, type Route, route } from '../route.js'
import type { Stamp } from '../visible.js'
import { envelope, type FakeAnswer, json, text } from '../wire/answer.js'

/** Source: GR: date-times are read back in this form, whatever they were sent in; 4.6: one second everywhere. */
export const dateTime = (ms: number): string => new Date(ms).toISOString().replace(/T(.{8}).*/, ' $1 +00:00')

/** GET /api/users/getFields. Nested fields stand beside their parents as dotted paths. Source: GR. */
const getFields = (project: Project): FakeAnswer => json(200, { fields: Object.fromEntries(project.fields) })

/** GET /api/users/{email} and getByEmail: somebody, or `{}` for who is unknown. Source: GR; malformed: VCR, of writes (derived). */
function getUser(project: Project, email: string): FakeAnswer {
  if (!project.isEmail(email)) return envelope(400, 'InvalidEmailAddressError', `Invalid email: ${email}`)
  return json(200, seen(project, project.people.byEmail(email) ?? email.toLowerCase()) ?? {})
}

/** GET /api/users/byUserId/{id}; unknown: 400. Source: GO (`error.users.noUserWithIdExists`); plain text in VCR (2017). */
function getUserById(project: Project, userId: string): FakeAnswer {
  const user = seen(project, project.people.byUserId(userId) ?? userId)
  if (user !== undefined) return json(200, user)
  if (project.unsure.unknownUserId === '2017') return text(400, 'No user with that id exists!')
  return envelope(400, 'BadParams', 'error.users.noUserWithIdExists')
}

/** What a subscribe makes of a profile besides. Source: GR. */
const SUBSCRIBED = { subscribedMessageTypeIds: [], unsubscribedChannelIds: [], unsubscribedMessageTypeIds: [] }

/** By address where nobody is known now: a delayed view may still show them. */
function seen(project: Project, who: FakeUser | string): { readonly user: JsonObject } | undefined {
  const address = typeof who === 'string' ? who : project.people.addressOf(who)
  const { user, stamp, lists } = project.visible.person(address)
  if (user === undefined) return undefined
  const ids = { ...(user.email && { email: user.email }), ...(user.userId && { userId: user.userId }) }
  const stored = shown(user.dataFields, project.fields, '') as JsonObject
  const listIds = lists.size === 0 ? {} : { ...SUBSCRIBED, [project.listField]: [...lists] }
  return { user: { ...ids, dataFields: { ...listIds, ...stored, ...managed(user, stamp), ...ids } } }
}

/** Source: GR (`profileUpdatedAt`, `itblInternal`), AB (`signupSource` of a list call). */
function managed({ dataFields }: FakeUser, stamp: Stamp | undefined): JsonObject {
  if (stamp === undefined) return {}
  const { signedUpAt, documentAt, updatedAt, signupSource } = stamp
  const changed = dateTime(updatedAt)
  const itblInternal = { documentCreatedAt: dateTime(documentAt), documentUpdatedAt: changed }
  const signupDate = 'signupDate' in dataFields ? {} : { signupDate: dateTime(signedUpAt) }
  return { ...signupDate, signupSource, profileUpdatedAt: changed, itblInternal }
}

/** A stored value as it is read: a date-time in the form above, a bare day unchanged. Source: GR, AB. */
function shown(value: Json, fields: ReadonlyMap<string, FakeType>, path: string): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map((element) => shown(element, fields, path))
  if (typeof value === 'object' && value !== null) {
    const inside = (name: string) => (path === '' ? name : `${path}.${name}`)
    return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, shown(held, fields, inside(name))]))
  }
  if (typeof value !== 'string' || fields.get(path) !== 'date' || value.length === 10) return value
  const ms = dateOf(value)
  return ms === undefined ? value : dateTime(ms)
}

/**
 * GET /api/users/forgotten and forgottenUserIds: SHA-256 of what was forgotten, in lower case.
 * Source: HC-360029174171, SW (`hashedEmails`; the name of the other is invented after it).
 */
function forgottenOf(project: Project, what: 'emails' | 'userIds'): FakeAnswer {
  const hashed = [...project.forgotten]
    .filter((named) => named.includes('@') === (what === 'emails'))
    .map((named) => createHash('sha256').update(named).digest('hex'))
  return json(200, what === 'emails' ? { hashedEmails: hashed } : { hashedUserIds: hashed })
}

export const READS: readonly Route[] = [
  route('GET users/getFields', ({ project }) => getFields(project)),
  route('GET users/getByEmail', ({ project, request }) => getUser(project, query(request, 'email') ?? '')),
  route('GET users/forgotten', ({ project }) => forgottenOf(project, 'emails')),
  route('GET users/forgottenUserIds', ({ project }) => forgottenOf(project, 'userIds')),
  route(
    'GET users/byUserId/{userId}',
    ({ project, parts: [userId = ''] }) => getUserById(project, userId),
    'users/byUserId',
  ),
  route('GET users/{email}', ({ project, parts: [email = ''] }) => getUser(project, email), 'users/get'),
]
