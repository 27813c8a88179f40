import type { Json } from '../../model/value.js'
import type { Project } from './project.js'
import { type Call, query, type Route, route } from './route.js'
import type { RefusedRow } from './users/bulk.js'
import type { Claim } from './users/people.js'
import { refusedOne } from './users/users.js'
import { envelope, type FakeAnswer } from './wire/answer.js'

const GROUPS = ['emailList', 'messageType', 'messageChannel'] as const
type Group = (typeof GROUPS)[number]

interface Wanted {
  readonly group: Group
  readonly id: number
  readonly subscribes: boolean
}

/** What the path says; an answer where it cannot be done. Source: SW (404 where Iterable has not enabled it). */
function wanted({ project, parts: [group = '', id] }: Call, subscribes: boolean): Wanted | FakeAnswer {
  if (project.options.features?.subscriptionGroups === false) return envelope(404, 'NotFound', 'Not enabled')
  const known = GROUPS.find((one) => one === group)
  if (known === undefined) return envelope(400, 'BadParams', `Unknown subscription group ${group}`) // invented
  const isUnknownList = known === 'emailList' && !project.ledger.lists.some((list) => list.id === Number(id))
  if (isUnknownList) return envelope(400, 'Success', `error.lists.invalidListId(${id})`) // as elsewhere: unsure
  return { group: known, id: Number(id), subscribes }
}

/** Joins or leaves for one person, who is made if unknown. Source: SW, HC-29156459027348. */
function apply(project: Project, claim: Claim, { group, id, subscribes }: Wanted): void {
  const { user, address } = project.join(claim, 'API')
  const list = project.ledger.lists.find((one) => group === 'emailList' && one.id === id)
  if (list !== undefined && project.takesMembers(list.listType)) {
    if (subscribes) list.members.add(address)
    else list.members.delete(address)
  }
  const toggle = (name: string, isIn: boolean) => {
    const stored = user.dataFields[name]
    const others = (Array.isArray(stored) ? (stored as readonly Json[]) : []).filter((one) => one !== id)
    user.dataFields = { ...user.dataFields, [name]: isIn ? [...others, id] : others }
  }
  if (group === 'messageChannel') toggle('unsubscribedChannelIds', !subscribes)
  if (group === 'messageType') toggle('unsubscribedMessageTypeIds', !subscribes)
  const hasOptIn = project.options.features?.optIn === true
  if (group === 'messageType' && hasOptIn) toggle('subscribedMessageTypeIds', subscribes)
  const kind = subscribes ? 'subscribe' : 'unsubscribe'
  project.applied({ address, kind, endpoint: 'subscriptions', detail: { group, id } })
}

/** PUT: many at once, accepted and not told apart: who is refused is passed over (unsure). Source: SW. */
function many(call: Call): FakeAnswer {
  const { project, request, failing } = call
  const action = query(request, 'action')
  const body = project.single(request, { users: 'strings?', usersByUserId: 'strings?' })
  if (action !== 'subscribe' && action !== 'unsubscribe')
    return envelope(400, 'BadParams', 'action must be subscribe or unsubscribe') // words invented
  const how = wanted(call, action === 'subscribe')
  if ('status' in how) return how
  const emails = ((body.users ?? []) as readonly string[]).map((email) => ({ email }))
  const userIds = ((body.usersByUserId ?? []) as readonly string[]).map((userId) => ({ userId }))
  for (const row of [...emails, ...userIds]) {
    const claim: Claim | RefusedRow = project.judge(row, failing)
    if (!('refused' in claim)) apply(project, claim, how)
  }
  return envelope(202, 'Success', '')
}

const one =
  (by: 'email' | 'userId', subscribes: boolean) =>
  (call: Call): FakeAnswer => {
    const how = wanted(call, subscribes)
    if ('status' in how) return how
    const claim = call.project.judge({ [by]: call.parts[2] ?? '' })
    if ('refused' in claim) return refusedOne(call.project, claim)
    apply(call.project, claim, how)
    return envelope(202, 'Success', '')
  }

/** PUT, PATCH (subscribe) and DELETE (unsubscribe) below /api/subscriptions. Source: SW; the bodies of 202 are invented. */
export const SUBSCRIPTION_GROUPS: readonly Route[] = [
  route('PUT subscriptions/{group}/{#id}', many, 'subscriptions'),
  route('PATCH subscriptions/{group}/{#id}/user/{email}', one('email', true), 'subscriptions/subscribe'),
  route('DELETE subscriptions/{group}/{#id}/user/{email}', one('email', false), 'subscriptions/unsubscribe'),
  route('PATCH subscriptions/{group}/{#id}/byUserId/{userId}', one('userId', true), 'subscriptions/subscribe'),
  route('DELETE subscriptions/{group}/{#id}/byUserId/{userId}', one('userId', false), 'subscriptions/unsubscribe'),
]
