import { changeOf } from '../plan.js'
import type { Entry, Places } from './places.js'
import {
  ABSENT,
  addressAt,
  claimantAt,
  endAt,
  hashAt,
  isClaimed,
  MEMBER,
  markAt,
  REJECTED,
  UNKNOWN,
  viewOf,
} from './record.js'
import type { Spool } from './spool.js'

/** Streams of the spool: what has to be sent, and what only has to be remembered. */
export const ADDS = 0
export const REMOVALS = 1
export const REST = 2
export const STREAMS = 3

export interface Counted {
  add: number
  remove: number
  keep: number
  /** Accepted, or perhaps so. */
  members: number
  targets: number
}

export interface VerdictOptions {
  readonly spool: Spool
  /** Whether a claim that no wish has shown goes. */
  readonly isAbsent: (claimant: string) => boolean
}

/** Says of each address what becomes of it: counts it, and spools it as it will be remembered where that is another than before. */
export async function verdicts({ spool, isAbsent }: VerdictOptions, places: Places, counts: Counted): Promise<void> {
  await places.each(
    (at, shown) => {
      counts.members += 1
      if (shown || !isAbsent(claimantAt(places.bytes, at))) {
        counts.keep += 1
        counts.targets += 1
        return
      }
      counts.remove += 1
      const address = addressAt(places.bytes, at)
      spool.add(REMOVALS, { hash: hashAt(viewOf(places.bytes), at), address, claimant: '', state: MEMBER })
    },
    (address, entry) => {
      const { claimants, going, change, changed, state } = verdictOf(entry, isAbsent)
      const isTarget = claimants.length > 0
      if (entry.state === MEMBER || entry.state === UNKNOWN) counts.members += 1
      if (isTarget) counts.targets += 1
      if (isTarget && entry.state === MEMBER) counts.keep += 1
      if (change !== undefined) counts[change] += 1
      if (change === undefined && !changed) return
      const stream = change === 'add' ? ADDS : change === 'remove' ? REMOVALS : REST
      const { hash } = entry
      for (const claimant of isTarget ? claimants : ['']) spool.add(stream, { hash, address, claimant, state })
      if (isTarget) for (const claimant of going) spool.add(stream, { hash, address, claimant, state }, GOING)
    },
  )
}

/** The mark of a claim that goes while the address stays, unless the guard holds. */
const GOING = 1

/** Of what was spooled, that which is so: where the guard holds, claims that were to go stay, and nobody is forgotten. */
export function decidedOf(piece: Buffer, isHeld: boolean): Buffer {
  const view = viewOf(piece)
  let to = 0
  for (let at = 0; at < piece.length; ) {
    const end = endAt(view, at)
    if (isHeld ? isClaimed(view, at) : markAt(view, at) !== GOING) to += piece.copy(piece, to, at, end)
    at = end
  }
  return piece.subarray(0, to)
}

/** The states of records by their number. */
export const STATES = ['member', 'unknown', 'rejected', undefined] as const

function verdictOf({ state, claims, kept }: Entry, isAbsent: (claimant: string) => boolean) {
  const claimants: string[] = []
  const going: string[] = []
  let differs = false
  for (const [claimant, how] of claims) {
    const counts = how !== 'kept' || !isAbsent(claimant)
    ;(counts ? claimants : going).push(claimant)
    differs ||= !counts || how === 'made'
  }
  const target = claimants.length > 0
  const change = changeOf({ target, state: STATES[state] })
  // Whoever is no member and wanted by nobody is forgotten, a refusal with him.
  const isForgotten = !target && kept && (state === REJECTED || (state === ABSENT && differs))
  return { claimants, going, change, changed: (target && differs) || isForgotten, state: isForgotten ? ABSENT : state }
}
