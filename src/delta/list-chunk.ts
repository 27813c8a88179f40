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

/** What is remembered of an address from now on; `undefined`: nothing was learned, so that it is asked again. */
export type Remembered = MemberState | 'absent' | undefined

export interface ChunkOptions {
  readonly op: 'add' | 'remove'
  readonly addresses: readonly string[]
  /** Remembers the states of the addresses, in their order, in one commit. */
  readonly remember: (states: readonly Remembered[]) => Promise<void>
}

export function listChunk({ op, addresses, remember }: ChunkOptions): ListChunk {
  let intended = false
  return {
    op,
    addresses,
    async intend() {
      await remember(addresses.map(() => 'unknown'))
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
      await remember(addresses.map((_, index) => settledState(op, outcomes[index])))
    },
  }
}

/** Remembers states as rows of the list. */
export function rememberRows(
  { store, list, fence }: { readonly store: Store; readonly list: Key; readonly fence: readonly Op[] },
  addresses: readonly string[],
): ChunkOptions['remember'] {
  return async (states) => {
    const ops = states.flatMap((state, index) =>
      state === undefined ? [] : [membershipOp(list, addresses[index] as string, state)],
    )
    if (ops.length > 0) await store.commit([...fence, ...ops])
  }
}

/** What an answer makes of a membership; `undefined` where it says nothing for good, so that it is asked again (I10). */
function settledState(op: 'add' | 'remove', outcome: Outcome | undefined): Remembered {
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
