import { LakeloopError } from '../errors.js'
import type { Reason } from '../model/value.js'
import type { ListChunk } from './list-chunk.js'

/** What a list needs, known before anything goes out. */
export interface ListDelta {
  /**
   * `add`, `remove`: to be sent. `keep`: members that stay. `held`: removals that the guard keeps back. `members`: what
   * the destination has accepted, or may have.
   */
  readonly summary: {
    readonly add: number
    readonly remove: number
    readonly keep: number
    readonly held: number
    readonly members: number
  }
  /** Why removals are held: LIST_GUARD, or LIST_GUARD_DAY, with counts. */
  readonly guard?: Reason
  /**
   * The changes, cut to size. Several chunks may be in flight at once.
   *
   * Order   all removals, then all additions, so that who has opted out is never waiting behind who joins; each ascending
   *         by the UTF-8 bytes of the address; of a whole audience in which more than 256 KB of addresses change, within
   *         each 256 KB.
   * Once    of a whole audience with much to be done: what is handed out to the end is not kept any longer.
   * Throws  STORE_CONFLICT where the list is read again (`keptMax`) and claims have changed meanwhile, so that more
   *         would go out than was guarded.
   */
  chunks(options: { readonly sizeMax: number }): AsyncIterable<ListChunk>
  /** Lets the temporary file go that a long list may have; so does the end of `chunks`. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface DeltaParts {
  readonly counts: { readonly add: number; readonly remove: number; readonly keep: number; readonly members: number }
  readonly guard: Reason | undefined
  /** The changes in their order; ends early once disposed of. */
  readonly chunks: (options: Cutting) => AsyncIterable<ListChunk>
  readonly close: () => Promise<void>
}

export interface Cutting {
  readonly sizeMax: number
  readonly isDisposed: () => boolean
}

const CHUNK_MAX = 10_000

export function listDelta({ counts, guard, chunks, close }: DeltaParts): ListDelta {
  const { add, keep, members } = counts
  const [remove, held] = guard === undefined ? [counts.remove, 0] : [0, counts.remove]
  let disposed = false
  return {
    summary: { add, remove, keep, held, members },
    ...(guard === undefined ? {} : { guard }),
    async *chunks({ sizeMax }) {
      if (!Number.isInteger(sizeMax) || sizeMax < 1 || sizeMax > CHUNK_MAX) {
        const problem = `is not 1 to ${CHUNK_MAX}`
        throw new LakeloopError('OPTION_INVALID', { part: 'ListDelta', option: 'sizeMax', problem })
      }
      yield* chunks({ sizeMax, isDisposed: () => disposed })
    },
    async [Symbol.asyncDispose]() {
      disposed = true
      await close()
    },
  }
}
