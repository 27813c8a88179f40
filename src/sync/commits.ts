import { baseOf } from '../stores/sealed.js'
import type { Op, Store } from '../stores/store.js'

/** Ops of one settling, by the role whose store keeps them. */
export interface Learnt {
  readonly main?: readonly Op[]
  readonly identity?: readonly Op[]
  readonly lists?: readonly Op[]
  /** More of `main`, made when it is written: of what others may write while the stores of the other roles are waited for. */
  readonly late?: () => readonly Op[]
}

export interface Commits {
  commit(learnt: Learnt): Promise<void>
}

/**
 * One commit per settling. Where all roles live in one store it is one transaction; where they do not, the others are
 * written first and the one with the checkpoint last: every op is a put or a delete of what the destination has
 * answered for (I1), so a crash in between only means that the same is learnt again.
 */
export function commitsTo(
  stores: { readonly main: Store; readonly identity: Store; readonly lists: Store },
  commitMain: (ops: readonly Op[]) => Promise<void>,
): Commits {
  return {
    async commit({ main = [], identity = [], lists = [], late }) {
      const own: Op[] = [...main]
      for (const [store, ops] of [[stores.identity, identity] as const, [stores.lists, lists] as const]) {
        if (ops.length === 0) continue
        if (baseOf(store) === baseOf(stores.main)) own.push(...ops)
        else await store.commit(ops)
      }
      if (late !== undefined) own.push(...late())
      if (own.length > 0) await commitMain(own)
    },
  }
}
