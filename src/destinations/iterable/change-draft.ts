import type { ActionBlock } from '../../model/action.js'
import { emailOf } from './address.js'
import type { SingleDraft } from './commerce.js'
import { type DraftRules, named, profileFrame, type Refused, refused, rowFlags } from './drafts.js'
import type { Frame } from './wire.js'

/** What drafting a change depends on. */
export interface ChangeRules extends DraftRules {
  readonly projectType: 'email' | 'userId' | 'hybrid'
}

/**
 * One change of email: one request. Where userIds address, an email is a field like others.
 *
 * Source  Iterable api-docs.json, users/updateEmail (email projects only); help 9216719179796 and segmentio
 *         action-destinations, pull request 3811 (`dataFields.email` of users/bulkUpdate in hybrid ones).
 */
export function changeDraft(block: ActionBlock, index: number, rules: ChangeRules): SingleDraft | Refused {
  if (rules.addressedBy !== 'email') return refused('ACTION_UNSUPPORTED', { kind: 'addressChange' })
  const { from: former, to: next } = block.detail(index)
  const [from, to] = [former, next].map((raw) => (typeof raw === 'string' ? emailOf(raw) : undefined))
  if (from === undefined || to === undefined) return refused('EMAIL_INVALID')
  if (from === to) return refused('ACTION_INVALID', { kind: 'addressChange', problem: 'changes nothing' })
  const draft = { actions: [index], email: from, tail: '' } as const
  const change = { from, to }
  if (rules.projectType === 'email') {
    const frame: Frame = { endpoint: 'users/updateEmail', head: '', tail: '', change }
    return { frame, draft: { ...draft, head: JSON.stringify({ currentEmail: from, newEmail: to }) } }
  }
  const head = `${named({ email: from })},${rowFlags(rules)},"dataFields":${JSON.stringify({ email: to })}}`
  return { frame: { ...profileFrame(rules), change }, draft: { ...draft, head } }
}
