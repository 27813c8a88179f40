import { LakeloopError } from '../errors.js'
import type { Outcome } from '../model/outcome.js'
import type { Key, Op, Store } from '../stores/store.js'
import { type MemberState, membershipOp } from './list-state.js'

/**
 * Some changes of one list that go out together.
 *
 * Upholds  I1: `intend` is awaited before the call and writes that the fate of these addresses is unknown; `settle`
 *          writes what the destination answered. What is never settled is asked again by the next plan.
 */
export interface ListChunk {
  readonly op: 'add' | 'remove'
  readonly addresses: readonly string[]
  intend(): Promise<void>
  /** One outcome per address, in order. Throws DESTINATION_MISCOUNTED, and OPTION_INVALID before `intend`. */
  settle(outcomes: readonly Outcome[]): Promise<void>
}

export interface ChunkOptions {
  readonly store: Store
  /** Project and list. */
  readonly list: Key
  readonly op: 'add' | 'remove'
  readonly addresses: readonly string[]
  readonly fence: readonly Op[]
}

export function listChunk({ store, list, op, addresses, fence }: ChunkOptions): ListChunk {
  let intended = false
  return {
    op,
    addresses,
    async intend() {
      await store.commit([...fence, ...addresses.map((address) => membershipOp(list, address, 'unknown'))])
      intended = true
    },
    async settle(outcomes) {
      if (!intended) {
        const problem = 'was called before intend()'
        throw new LakeloopError('OPTION_INVALID', { part: 'ListChunk', option: 'settle', problem })
      }
      if (outcomes.length !== addresses.length) {
        const counts = { sent: addresses.length, answered: outcomes.length }
        throw new LakeloopError('DESTINATION_MISCOUNTED', { endpoint: `list ${op}`, ...counts })
      }
      const ops = addresses.flatMap((address, index) => {
        const state = settledState(op, outcomes[index])
        return state === undefined ? [] : [membershipOp(list, address, state)]
      })
      if (ops.length > 0) await store.commit([...fence, ...ops])
    },
  }
}

/** What an answer makes of a membership; `undefined` where it says nothing for good, so that it is asked again (I10). */
function settledState(op: 'add' | 'remove', outcome: Outcome | undefined): MemberState | 'absent' | undefined {
  switch (outcome?.status) {
    case 'accepted':
    case 'unchanged':
      return op === 'add' ? 'member' : 'absent'
    case 'rejected':
      // A refused removal stays open: whether the address is on the list is not known, and forgetting it could mail it.
      return op === 'add' ? 'rejected' : undefined
    default:
      return undefined
  }
}
