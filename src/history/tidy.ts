import { setImmediate } from 'node:timers/promises'
import type { Op } from '../stores/store.js'
import { joined, lengthOf } from './block.js'
import { dropFold, type Fold, FULL, foldOf, foldsOp, readFold, readFolds, type Waiting, waitingPages } from './folds.js'
import type { Commit, Place } from './place.js'

/** When something is folded. */
export interface Bounds {
  /** Pages, or small folds of one level, that are folded together. */
  readonly fan: number
  /** Entries of a full fold, about; one page more at most. */
  readonly entriesFull: number
}

export const BOUNDS: Bounds = { fan: 32, entriesFull: 100_000 }

/** How much waits to be folded. */
export interface Tail {
  readonly pages: number
  readonly entries: number
}

export const isDue = ({ pages, entries }: Tail, { fan, entriesFull }: Bounds): boolean =>
  pages >= fan || entries >= entriesFull

const levelOf = (before: number, entries: number, { entriesFull }: Bounds): number =>
  entries >= entriesFull / 2 ? FULL : Math.min(before + 1, FULL - 1)

/**
 * Folds what waits, and small folds into larger ones, until nothing is due. Gives what waits then.
 *
 * Repeat  a fold and what takes its pages away are one commit: a crash leaves the one or the other, never both or none.
 * Cost    a commit is bounded: about `entriesFull` entries, 2 MB. Each page is written again once, and a small one once
 *         more for every 32 times that there are of them.
 */
export async function tidy(place: Place, commit: Commit, bounds: Bounds = BOUNDS): Promise<Tail> {
  let left: Tail
  for (;;) {
    const waiting = await oldest(place, bounds)
    const entries = sumOf(waiting.map(({ block }) => block.entries))
    left = { pages: waiting.length, entries }
    if (!isDue(left, bounds)) break
    await setImmediate() // reading, joining and writing each hold the host's loop for a few milliseconds
    const block = joined(waiting.map((one) => one.block))
    await setImmediate()
    const { fold, ops } = foldOf(place.scope, block, levelOf(0, entries, bounds))
    await setImmediate()
    const gone = waiting.map(({ key }): Op => ({ op: 'delete', table: 'outcome', key }))
    const folds = [...(await readFolds(place)), fold]
    await commit([...gone, ...ops, foldsOp(place.scope, folds)])
  }
  for (;;) {
    const folds = await readFolds(place)
    const among = mergeable(folds, bounds)
    if (among === undefined) return left
    await merge(place, commit, { folds, among, bounds })
  }
}

async function oldest(place: Place, bounds: Bounds): Promise<readonly Waiting[]> {
  const pages: Waiting[] = []
  let entries = 0
  for await (const page of waitingPages(place)) {
    pages.push(page)
    entries += lengthOf(page.block.entries)
    if (isDue({ pages: pages.length, entries }, bounds)) break
  }
  return pages
}

const sumOf = (parts: readonly Buffer[]): number => parts.reduce((sum, part) => sum + lengthOf(part), 0)

/** Small folds of one level, once there are enough of them. */
function mergeable(folds: readonly Fold[], { fan, entriesFull }: Bounds): readonly Fold[] | undefined {
  for (let level = 1; level < FULL; level += 1) {
    const among: Fold[] = []
    let entries = 0
    for (const fold of folds) {
      if (fold.level !== level) continue
      among.push(fold)
      entries += fold.entries
      if (among.length >= fan || (among.length > 1 && entries >= entriesFull)) return among
    }
  }
  return undefined
}

async function merge(
  place: Place,
  commit: Commit,
  {
    folds,
    among,
    bounds,
  }: { readonly folds: readonly Fold[]; readonly among: readonly Fold[]; readonly bounds: Bounds },
): Promise<void> {
  const blocks = []
  for (const fold of among) blocks.push(await readFold(place, fold))
  await setImmediate()
  const block = joined(blocks)
  const { fold, ops } = foldOf(place.scope, block, levelOf(among[0]?.level ?? 0, lengthOf(block.entries), bounds))
  await setImmediate()
  const gone = among.flatMap((one) => dropFold(place.scope, one))
  const left = folds.filter((one) => !among.includes(one))
  await commit([...gone, ...ops, foldsOp(place.scope, [...left, fold])])
}
