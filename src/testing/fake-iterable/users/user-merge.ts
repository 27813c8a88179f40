import type { Json, JsonObject } from '../../../model/value.js'
import type { FakeUser } from '../ledger.js'
import type { Project } from '../project.js'
import { type Route, route } from '../route.js'
import { envelope, type FakeAnswer, type FakeRequest, Refused } from '../wire/answer.js'
import type { Claim } from './people.js'
import { refusedOne } from './users.js'

const refuse = (msg: string, code = 'BadParams'): never => {
  throw new Refused(envelope(400, code, msg)) // all words here are invented
}

/** Who is named by an email or a userId. Throws for malformed and forgotten ones. */
function named(project: Project, { email, userId }: { email?: string; userId?: string }): Claim {
  if (email === undefined && userId === undefined) refuse('Both a source and a destination must be named')
  const claim = project.judge({ ...(email === undefined ? { userId: userId ?? '' } : { email }), preferUserId: true })
  if ('refused' in claim && !claim.refused.startsWith('notFound')) throw new Refused(refusedOne(project, claim))
  return 'refused' in claim ? { user: undefined, email, userId } : claim
}

/** Two arrays as one: all elements, or, with `dedupeBy`, the first of each value of that field. Source: SW `arrayMerge`. */
function joined(own: Json | undefined, other: Json | undefined, dedupeBy: string | undefined): Json {
  const elements = [own, other].flatMap((value) => (Array.isArray(value) ? (value as readonly Json[]) : []))
  if (dedupeBy === undefined) return elements
  const isObject = (one: Json) => typeof one === 'object' && one !== null && !Array.isArray(one)
  if (!elements.every(isObject)) refuse('dedupeBy needs an array of objects')
  const byKey = new Map<string, Json>()
  for (const element of elements as readonly JsonObject[]) {
    const key = JSON.stringify(element[dedupeBy] ?? null)
    if (!byKey.has(key)) byKey.set(key, element)
  }
  return [...byKey.values()]
}

/**
 * POST /api/users/merge: values of the destination win, objects are not combined, the source is deleted; a destination
 * that is not there is the source under another name. Source: SW. That events and purchases go along is unsure.
 */
function merge(project: Project, request: FakeRequest): FakeAnswer {
  const check = project.check(request)
  const names = { sourceEmail: 'string?', sourceUserId: 'string?' } as const
  check.fields(check.body, { ...names, destinationEmail: 'string?', destinationUserId: 'string?' })
  const arrays =
    check.body.arrayMerge === undefined ? [] : check.rows('arrayMerge', { field: 'string', dedupeBy: 'string?' })
  check.end()
  const ids = check.body as Record<string, string | undefined>
  const source = named(project, onlyGiven(ids.sourceEmail, ids.sourceUserId))
  const destination = named(project, onlyGiven(ids.destinationEmail, ids.destinationUserId))
  const from: FakeUser = source.user ?? refuse('The source user does not exist')
  if (from === destination.user) refuse('Source and destination are the same user')
  const former = project.people.addressOf(from)
  if (destination.user === undefined) {
    const { email, userId } = destination
    const { address } = project.join({ user: from, email, userId }, 'API')
    project.applied({ address, kind: 'merge', endpoint: 'users/merge', detail: { from: former } })
    return envelope(200, 'Success', '')
  }
  const into = destination.user
  const combined = (arrays as unknown as readonly { field: string; dedupeBy?: string }[]).map(({ field, dedupeBy }) => [
    field,
    joined(into.dataFields[field], from.dataFields[field], dedupeBy),
  ])
  into.dataFields = { ...from.dataFields, ...into.dataFields, ...Object.fromEntries(combined) }
  const address = project.people.addressOf(into)
  project.people.remove(from)
  project.people.moveThings(former, address)
  project.visible.touched(former)
  project.applied({ address, kind: 'merge', endpoint: 'users/merge', detail: { from: former } })
  return envelope(200, 'Success', '')
}

const onlyGiven = (email: string | null | undefined, userId: string | null | undefined) => ({
  ...(typeof email === 'string' && { email }),
  ...(typeof userId === 'string' && { userId }),
})

export const MERGES: readonly Route[] = [route('POST users/merge', ({ project, request }) => merge(project, request))]
