import type { Json, JsonObject } from '../../../model/value.js'
import type { Project } from '../project.js'
import { type Route, route } from '../route.js'
import { envelope, type FakeAnswer, type FakeRequest, json } from '../wire/answer.js'
import type { Rules } from '../wire/body-check.js'
import type { Failing } from './bulk.js'
import type { Claim } from './people.js'
import { refusedOne } from './users.js'

/** Source: SW (`UpdateSubscriptionsRequest`). Whether a message type is of its channel is not looked at. */
const SUBSCRIPTIONS: Rules = {
  email: 'string?',
  userId: 'string?',
  emailListIds: 'longs?',
  unsubscribedChannelIds: 'longs?',
  unsubscribedMessageTypeIds: 'longs?',
  subscribedMessageTypeIds: 'longs?',
  campaignId: 'long?',
  templateId: 'long?',
  validateChannelAlignment: 'boolean?',
}
const ARRAYS = ['unsubscribedChannelIds', 'unsubscribedMessageTypeIds', 'subscribedMessageTypeIds'] as const

/** Every array that is sent replaces the stored one; null and absent leave it. Unknown people are made. Source: SW. */
function write(project: Project, row: JsonObject, claim: Claim, endpoint: string): void {
  const { user, address } = project.join(claim, 'API')
  const sent = ARRAYS.flatMap((name): [string, Json][] => (Array.isArray(row[name]) ? [[name, row[name]]] : []))
  user.dataFields = { ...user.dataFields, ...Object.fromEntries(sent) }
  const lists = row.emailListIds
  if (Array.isArray(lists)) project.setLists(address, lists as readonly number[])
  const detail = { ...Object.fromEntries(sent), ...(Array.isArray(lists) && { emailListIds: lists as Json }) }
  project.applied({ address, kind: 'subscriptions', endpoint, detail })
}

/** Source: SW (an error unless opt-in is switched on; its words are invented). */
const lacksOptIn = ({ options }: Project, { subscribedMessageTypeIds }: JsonObject): boolean =>
  Array.isArray(subscribedMessageTypeIds) && options.features?.optIn !== true

/** POST /api/users/updateSubscriptions. Source: SW, VCR (2017). */
function updateSubscriptions(project: Project, request: FakeRequest): FakeAnswer {
  const body = project.single(request, SUBSCRIPTIONS)
  project.requireIdentifiers([body])
  const claim = project.judge(body)
  if ('refused' in claim) return refusedOne(project, claim)
  if (lacksOptIn(project, body))
    return envelope(400, 'BadParams', 'subscribedMessageTypeIds needs opt-in message types')
  write(project, body, claim, 'users/updateSubscriptions')
  return envelope(200, 'Success', '')
}

/**
 * POST /api/users/bulkUpdateSubscriptions. Source: SW, GO (`valid*Failures` are well-formed and failed inside: to be sent
 * again), VCR (2017: no lists of userIds). In which list the forgotten and unknown are is unsure: here with the latter.
 */
function bulkUpdateSubscriptions(project: Project, request: FakeRequest, failing: Failing): FakeAnswer {
  const check = project.check(request)
  const rows = check.rows('updateSubscriptionsRequests', SUBSCRIPTIONS)
  check.end()
  project.requireIdentifiers(rows)
  const invalidEmails: string[] = []
  const invalidUserIds: string[] = []
  const validEmailFailures: string[] = []
  const validUserIdFailures: string[] = []
  for (const row of rows) {
    const claim = project.judge(row, failing)
    if (!('refused' in claim) && !lacksOptIn(project, row)) {
      write(project, row, claim, 'users/bulkUpdateSubscriptions')
      continue
    }
    const { refused, echo } = 'refused' in claim ? claim : { refused: '', echo: project.people.addressOf(claim) }
    const isEmail = echo.includes('@')
    if (refused === 'invalidEmails') invalidEmails.push(echo)
    else if (refused === 'invalidUserIds') invalidUserIds.push(echo)
    else (isEmail ? validEmailFailures : validUserIdFailures).push(echo)
  }
  const lists = { invalidEmails, validEmailFailures, invalidUserIds, validUserIdFailures }
  const failCount = Object.values(lists).reduce((sum, { length }) => sum + length, 0)
  const counts = { successCount: rows.length - failCount, failCount }
  const old = { ...counts, invalidEmails, validEmailFailures }
  return json(200, project.unsure.bulkShape === 'full' ? { ...counts, ...lists } : old)
}

export const SUBSCRIPTION_UPDATES: readonly Route[] = [
  route('POST users/updateSubscriptions', ({ project, request }) => updateSubscriptions(project, request)),
  route('POST users/bulkUpdateSubscriptions', ({ project, request, failing }) =>
    bulkUpdateSubscriptions(project, request, failing),
  ),
]
