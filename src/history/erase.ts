import type { Json } from '../model/value.js'
import type { Op } from '../stores/store.js'
import { type Block, joined, placesOf, subjectAt } from './block.js'
import { dropFold, type Fold, foldOf, foldsOp, readBuckets, readFold, readFolds, waitingPages } from './folds.js'
import { type HandleHash, readHasher } from './handles.js'
import { bucketsOf, readText } from './outcomes.js'
import { type Commit, type Place, partKey } from './place.js'

/**
 * Erases what is recorded under some handles: the entries of each subject that has one of them, those under its other
 * handles too, and its key and address where they are kept in the clear. How many actions ended in which way stays
 * counted. Call it with the sync's lease held, and after the last run that may still record something of them.
 *
 * Shape   resolves to how many subjects were erased: a subject is a person as one row of one run named them.
 * Repeat  erased again, nothing changes; after a crash the rest goes.
 * Cost    a short record of each fold is read; a fold that holds one of them is read and written whole, one at a time.
 */
export async function eraseOutcomes(place: Place, commit: Commit, handles: readonly string[]): Promise<number> {
  const hasher = await readHasher(place)
  if (hasher === undefined || handles.length === 0) return 0
  const hashes = [...new Set(handles.map((handle) => hasher.of(handle)))]
  let erased = 0
  for await (const { key, block } of waitingPages(place)) {
    const subjects = subjectsWith(block.entries, hashes)
    if (subjects.size === 0) continue
    const { head, entries } = without(block, subjects)
    const value = { head, entries: entries.toString('base64') } as unknown as Json
    await commit([...(await textOps(place, block, subjects)), { op: 'put', table: 'outcome', key, value }])
    erased += subjects.size
  }
  for (const fold of await readFolds(place)) erased += await eraseIn(place, commit, { fold, hashes })
  return erased
}

async function eraseIn(
  place: Place,
  commit: Commit,
  { fold, hashes }: { readonly fold: Fold; readonly hashes: readonly HandleHash[] },
): Promise<number> {
  const asked = [...bucketsOf(hashes, fold.buckets)].map(([bucket]) => ({ fold, bucket }))
  const subjects = subjectsWith(Buffer.concat(await readBuckets(place, asked)), hashes)
  if (subjects.size === 0) return 0
  const block = await readFold(place, fold)
  const made = foldOf(place.scope, without(block, subjects), fold.level)
  const folds = (await readFolds(place)).filter(({ id }) => id !== fold.id)
  const texts = await textOps(place, block, subjects)
  await commit([...texts, ...dropFold(place.scope, fold), ...made.ops, foldsOp(place.scope, [...folds, made.fold])])
  return subjects.size
}

function subjectsWith(entries: Buffer, hashes: readonly HandleHash[]): ReadonlySet<number> {
  const subjects = new Set<number>()
  for (const at of placesOf(entries, hashes)) subjects.add(subjectAt(entries, at))
  return subjects
}

const without = (block: Block, subjects: ReadonlySet<number>): Block =>
  joined([block], { page: () => true, subject: (subject) => !subjects.has(subject) })

async function textOps(place: Place, { head }: Block, subjects: ReadonlySet<number>): Promise<readonly Op[]> {
  const ops: Op[] = []
  for (const { id, first, subjects: many, plain } of head.pages) {
    const erased = [...subjects].filter((subject) => subject >= first && subject < first + many)
    const text = plain && erased.length > 0 ? await readText(place, id) : undefined
    if (text === undefined) continue
    const kept = [...text.subjects]
    for (const subject of erased) kept[subject - first] = [null, null, kept[subject - first]?.[2] ?? []]
    const value = { ...text, subjects: kept } as unknown as Json
    ops.push({ op: 'put', table: 'outcome', key: partKey(place.scope, 'text', id), value })
  }
  return ops
}
