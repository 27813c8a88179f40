import type { ActionBlock } from '../../model/action.js'
import type { Json } from '../../model/value.js'
import { type DraftRules, isRefused, named, type Refused, refused, whoOf } from './drafts.js'
import type { Draft, Frame } from './wire.js'

/** Source: Iterable api-docs.json `BulkUpdateSubscriptionsRequest`. */
export const SUBSCRIPTIONS: Frame = {
  endpoint: 'users/bulkUpdateSubscriptions',
  head: '{"updateSubscriptionsRequests":[',
  tail: ']}',
}

const FIELDS = ['unsubscribedChannelIds', 'unsubscribedMessageTypeIds', 'subscribedMessageTypeIds'] as const
/** Ours: a project has tens of channels and message types. */
const IDS_MAX = 1_000

/** What somebody wants to be sent. Each array replaces the stored one, so that saying it twice is saying it once. */
export function subscriptionDraft(
  block: ActionBlock,
  index: number,
  rules: DraftRules,
): (Draft & { readonly address: string }) | Refused {
  const who = whoOf(block, index, rules)
  if (isRefused(who)) return who
  const detail = block.detail(index)
  const given = FIELDS.filter((field) => detail[field] !== undefined)
  const wrong = given.find((field) => !isIds(detail[field]))
  const other = Object.keys(detail).length > given.length
  const problem =
    (wrong === undefined ? undefined : `has ${wrong} that is no array of at most ${IDS_MAX} whole numbers`) ??
    (other ? `has a field besides ${FIELDS.join(', ')}` : undefined) ??
    (given.length === 0 ? `changes nothing: give ${FIELDS.join(', ')}` : undefined)
  if (problem !== undefined) return refused('ACTION_INVALID', { kind: 'subscription', problem })
  const { address, email, userId } = who
  const said = given.map((field) => `,"${field}":${JSON.stringify(detail[field])}`).join('')
  return { actions: [index], address, email, userId, head: `${named(who)}${said}}`, tail: '' }
}

const isIds = (value: Json | undefined): boolean =>
  Array.isArray(value) &&
  value.length <= IDS_MAX &&
  (value as readonly Json[]).every((id) => Number.isSafeInteger(id) && (id as number) > 0)
