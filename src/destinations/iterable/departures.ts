import type { ActionBlock } from '../../model/action.js'
import { type DraftRules, isRefused, named, type Refused, refused, whoOf } from './drafts.js'
import type { Draft, Frame } from './wire.js'

/** One person who is to be gone. */
export interface Departure {
  readonly frame: Frame
  readonly draft: Draft
  readonly address: string
  /** Nothing is ever stored of them again. */
  readonly forever: boolean
}

/**
 * `delete`: the profile goes, and may come again. `forget`: it goes, and Iterable takes nothing for it any more.
 *
 * Source  Iterable api-docs.json: DELETE users/{email}, users/byUserId/{userId}; users/forget.
 */
export function departure(
  block: ActionBlock,
  index: number,
  rules: DraftRules,
  kind: 'forget' | 'delete',
): Departure | Refused {
  const who = whoOf(block, index, rules)
  if (isRefused(who)) return who
  if (Object.keys(block.detail(index)).length > 0)
    return refused('ACTION_INVALID', { kind, problem: 'has a field that it cannot carry' })
  const { address, email, userId } = who
  if (kind === 'forget') {
    const frame: Frame = { endpoint: 'users/forget', head: '', tail: '' }
    return {
      frame,
      draft: { actions: [index], email, userId, head: `${named(who)}}`, tail: '' },
      address,
      forever: true,
    }
  }
  // The call has no body: this one tells requests of a plan apart.
  const path = email === undefined ? `/byUserId/${encodeURIComponent(address)}` : `/${encodeURIComponent(address)}`
  const frame: Frame = { endpoint: 'users/delete', path, head: '', tail: '' }
  return {
    frame,
    draft: { actions: [index], email, userId, head: `${named(who)}}`, tail: '' },
    address,
    forever: false,
  }
}
