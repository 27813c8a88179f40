import type { Reason } from './value.js'

/**
 * What became of an action. Every row read ends in exactly one (I4).
 *
 *     accepted    the destination has answered for it
 *     unchanged   it had accepted the same before, nothing was sent
 *     rejected    refused for good, by us or by the destination: kept as a dead letter
 *     parked      no address yet; tried again when identity learns one
 *     superseded  a newer write for the same field was accepted before this replay
 *     filtered    the transform made nothing of it
 */
export type OutcomeStatus = 'accepted' | 'unchanged' | 'rejected' | 'parked' | 'superseded' | 'filtered'

export type Outcome =
  | { readonly status: 'accepted' | 'unchanged' | 'superseded' }
  | { readonly status: 'rejected' | 'parked' | 'filtered'; readonly reason: Reason }

/** Worst first: a row's outcome is the worst of its actions' (design: rejected > parked > superseded > accepted > unchanged > filtered). */
export const OUTCOME_RANK: readonly OutcomeStatus[] = [
  'rejected',
  'parked',
  'superseded',
  'accepted',
  'unchanged',
  'filtered',
]

/** The worse of two, by {@link OUTCOME_RANK}. */
export function worse(a: OutcomeStatus, b: OutcomeStatus): OutcomeStatus {
  return OUTCOME_RANK.indexOf(a) <= OUTCOME_RANK.indexOf(b) ? a : b
}

/** Nothing is kept of an action about somebody who was forgotten: it could never be sent, and would bring their data back. */
export const isOfTheForgotten = ({ code }: Reason): boolean =>
  code === 'USER_FORGOTTEN' || code === 'IDENTIFIER_FORGOTTEN'
