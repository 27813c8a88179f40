import type { ListRef } from '../model/action.js'

/** As a wish of a row. */
interface Said {
  readonly list: ListRef
  readonly claimant: string
  readonly address?: string
  readonly member?: boolean
}

/**
 * Members that a list had before lakeloop. Each holds a claim of its own, so that a list of changes leaves it alone, and
 * a whole audience decides about it: no row is seen for it, so it leaves with those who are absent. A row that speaks of
 * the address takes its place.
 */
const FOUND = '#found '

/** No row is its claimant: a row's key never begins like this (see `keyText`). */
export const foundClaimant = (address: string): string => FOUND + address

export const isFound = (claimant: string): boolean => claimant.startsWith(FOUND)

/** The same, and whether a member found was among those that count: then rows have yet to decide about it. */
export function watchingFound(counts: (claimant: string, claim: number) => boolean) {
  const watched = {
    any: false,
    counts(claimant: string, claim: number): boolean {
      const does = counts(claimant, claim)
      watched.any ||= does && isFound(claimant)
      return does
    },
  }
  return watched
}

/** Whose claim it is after a person moved to another address: such claims are named after theirs. */
export const movedClaimant = (claimant: string, to: string): string =>
  isFound(claimant) ? foundClaimant(to) : claimant

/** What the wishes of rows say to the claims of members found under the same address, on lists that have any. */
export function foundWishes(wishes: readonly Said[], isOpen: (list: ListRef) => boolean): readonly Said[] {
  return wishes.flatMap(({ list, claimant, address, member }): Said[] => {
    if (address === undefined || isFound(claimant) || !isOpen(list)) return []
    const found = { list, claimant: foundClaimant(address), address }
    return [member === undefined ? found : { ...found, member: false }]
  })
}
