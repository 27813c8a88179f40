import { LakeloopError } from '../errors.js'
import type { Reason } from '../model/value.js'
import type { Op } from '../stores/store.js'
import type { Cutting } from './delta.js'
import { type ListChunk, listChunk, rememberRows } from './list-chunk.js'
import type { MergeOptions } from './merge.js'
import { type Counts, changeOf, dueOf } from './plan.js'

export interface RowChunksOptions {
  readonly merge: MergeOptions
  readonly counts: Counts
  readonly guard: Reason | undefined
  readonly fence: readonly Op[]
}

/** The changes of a list that is kept in rows, removals first. */
export async function* rowChunks(
  { merge, counts, guard, fence }: RowChunksOptions,
  { sizeMax, isDisposed }: Cutting,
): AsyncGenerator<ListChunk> {
  yield* cut('remove', guard === undefined ? counts.remove : 0)
  yield* cut('add', counts.add)

  async function* cut(op: 'add' | 'remove', most: number): AsyncGenerator<ListChunk> {
    let left = most
    let addresses: string[] = []
    const chunk = (): ListChunk => {
      const remember = rememberRows({ store: merge.store, list: merge.list, fence }, addresses)
      return listChunk({ op, addresses, remember })
    }
    if (left === 0) return
    for await (const page of dueOf(merge, counts)) {
      for (const standing of page) {
        if (isDisposed()) return
        if (changeOf(standing) !== op) continue
        if (left === 0) throw new LakeloopError('STORE_CONFLICT', { table: 'claim' })
        left -= 1
        if (addresses.push(standing.address) < sizeMax) continue
        yield chunk()
        addresses = []
      }
    }
    if (addresses.length > 0) yield chunk()
  }
}
