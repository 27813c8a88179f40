import { LakeloopError } from '../errors.js'
import type { ListRef } from '../model/action.js'
import type { Wish } from './claims.js'

/** Wishes, one by one or in pages. */
export type Claims = Iterable<Wish | readonly Wish[]> | AsyncIterable<Wish | readonly Wish[]>

/** Wishes that come one by one are gathered into pages of this size. */
export const PAGE_MAX = 8_000

/** Wishes in pages. Throws OPTION_INVALID for a wish of another list, and for what is none. */
export async function* pagesOf(claims: Claims, list: ListRef): AsyncGenerator<readonly Wish[]> {
  const checked = (page: readonly Wish[]): readonly Wish[] => {
    for (const wish of page) {
      const problem = problemOf(wish, list)
      if (problem === undefined) continue
      throw new LakeloopError('OPTION_INVALID', { part: 'ListDeltaComputer', option: 'claims', problem })
    }
    return page
  }
  let single: Wish[] = []
  for await (const one of claims) {
    if (!isPage(one)) {
      if (single.push(one) < PAGE_MAX) continue
      yield checked(single)
      single = []
      continue
    }
    if (single.length > 0) yield checked(single)
    single = []
    yield checked(one)
  }
  if (single.length > 0) yield checked(single)
}

/** A member that is a text would be taken for undecided, and somebody would keep a place who is to leave it. */
function problemOf(wish: Wish, list: ListRef): string | undefined {
  if (wish?.list !== list) return 'holds a wish for another list'
  const { claimant, address, member } = wish
  if (typeof claimant !== 'string') return 'holds a wish whose claimant is no text'
  if (address !== undefined && typeof address !== 'string') return 'holds a wish whose address is no text'
  if (member !== undefined && typeof member !== 'boolean') return 'holds a wish whose member is neither true nor false'
  return undefined
}

const isPage = (one: Wish | readonly Wish[]): one is readonly Wish[] => Array.isArray(one)
