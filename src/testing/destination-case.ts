import type { Delivery, Destination } from '../destinations/destination.js'
import type { Action, ActionBlock, ListRef } from '../model/action.js'
import { actionBlock } from '../model/action-block.js'
import type { Json } from '../model/value.js'

/** A destination under test, and what its account takes. */
export interface DestinationSetup {
  /** Fresh, over an empty account that answers as it should. */
  readonly destination: Destination
  /** Action `n` (0 to 99) that the account accepts; different numbers are different people. An even one changes the account. */
  readonly action: (n: number) => Action
  /** Action `n` again: the same person and the same fields, with other values. Left out: no promise about it is checked. */
  readonly again?: (n: number) => Action
  /**
   * Of a destination that shows who is on a list: an empty list of the account, and the membership of person `n` in it. Left
   * out: nothing about members is checked.
   */
  readonly list?: ListRef
  readonly members?: (n: number) => Extract<Action, { kind: 'membership' }>
  /** What the account holds, comparable with what it holds later. Left out: what is sent is only run. */
  readonly state?: () => Json | Promise<Json>
  /** From now on the account refuses the credential. Left out: the destination has none. */
  readonly revoke?: () => void | Promise<void>
}

/** One promise of the contract. Bound to no test runner: `run` resolves, or it throws. */
export interface DestinationCase {
  readonly name: string
  readonly run: (make: () => Promise<DestinationSetup>) => Promise<void>
}

export const signal = (): AbortSignal => AbortSignal.timeout(30_000)

/** Opens, lets `check` work, and closes both whatever comes of it. */
export async function opened(
  make: () => Promise<DestinationSetup>,
  check: (delivery: Delivery, setup: DestinationSetup) => Promise<void>,
): Promise<void> {
  const setup = await make()
  try {
    const delivery = await setup.destination.open(signal())
    await check(delivery, setup)
    await delivery.close()
  } finally {
    await setup.destination.close()
  }
}

export function block({ action }: DestinationSetup, count: number): ActionBlock {
  return actionBlock(Array.from({ length: count }, (_, n) => action(n)))
}
