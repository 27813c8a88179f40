import type { OutcomeStatus } from '../model/outcome.js'
import type { Reason } from '../model/value.js'
import { bucketOf, comboAt, type Head, type PageHead, placesOf, subjectAt } from './block.js'
import { readBuckets, readFolds, readHeads, waitingPages } from './folds.js'
import { type HandleHash, readHasher } from './handles.js'
import type { PlainText } from './page-records.js'
import { type ActionEnd, type EndKind, isoOf, type Place, partKey } from './place.js'

/** What became of one action, once. */
export interface OutcomeEntry {
  readonly runId: string
  /** When it was recorded, ISO 8601: at the end of its page, of a place on a list when that was answered. */
  readonly at: string
  readonly kind: EndKind
  readonly status: OutcomeStatus
  readonly reason?: Reason
  /** Of a membership or a list; `member`: to be on it, or not. */
  readonly list?: string
  readonly member?: boolean
  /** Of the row, where `outcomes` is `plain`; as `address`. */
  readonly key?: string
  readonly address?: string
}

/** What is asked for: all that is said has to hold. */
export interface OutcomeQuestion {
  /** Any of these handles. */
  readonly handles?: readonly string[] | undefined
  readonly runId?: string | undefined
  /** A code. */
  readonly reason?: string | undefined
  readonly status?: OutcomeStatus | undefined
}

/** What a page holds for the question: subjects, or only how often each end is there. */
interface Found {
  readonly page: PageHead
  readonly head: Head
  /** By number within the page: the number of its combo; `undefined` where nobody was asked for. */
  readonly subjects: ReadonlyMap<number, number> | undefined
}

/**
 * The outcomes that a question asks for.
 *
 * Order    newest page first; within a page of a run that keeps keys, as its rows were.
 * Shape    where nobody is asked for and nothing is kept in the clear, each action is an entry like others of its page.
 * Cost     of a handle: what waits to be folded (2 MB at most) and one short record of each fold; of anything else the
 *          heads of all folds. Pages found are sorted in memory.
 */
export async function* outcomesOf(place: Place, question: OutcomeQuestion): AsyncGenerator<OutcomeEntry> {
  const found = question.handles === undefined ? await allPages(place) : await pagesWith(place, question.handles)
  const asked = found.filter(({ page }) => question.runId === undefined || page.run === question.runId)
  asked.sort((a, b) => (a.page.id < b.page.id ? 1 : -1))
  for (const one of asked) yield* entriesOf(place, one, question)
}

async function allPages(place: Place): Promise<Found[]> {
  const found: Found[] = []
  for await (const { block } of waitingPages(place)) found.push(...pagesOf(block.head))
  for (const head of await readHeads(place, await readFolds(place))) found.push(...pagesOf(head))
  return found
}

const pagesOf = (head: Head): readonly Found[] => head.pages.map((page) => ({ page, head, subjects: undefined }))

async function pagesWith(place: Place, handles: readonly string[]): Promise<Found[]> {
  const hasher = await readHasher(place)
  if (hasher === undefined) return []
  const hashes = [...new Set(handles.map((handle) => hasher.of(handle)))]
  const found: Found[] = []
  for await (const { block } of waitingPages(place)) found.push(...foundIn(block.head, hitsIn(block.entries, hashes)))
  const folds = await readFolds(place)
  const asked = folds.flatMap((fold) =>
    [...bucketsOf(hashes, fold.buckets)].map(([bucket, those]) => ({ fold, bucket, those })),
  )
  const hitsOf = new Map<string, Map<number, number>>()
  const parts = await readBuckets(place, asked)
  asked.forEach(({ fold, those }, nth) => {
    const hits = hitsIn(parts[nth] as Buffer, those)
    if (hits.size === 0) return
    hitsOf.set(fold.id, new Map([...(hitsOf.get(fold.id) ?? []), ...hits]))
  })
  const hit = folds.filter(({ id }) => hitsOf.has(id))
  const heads = await readHeads(place, hit)
  hit.forEach(({ id }, nth) => {
    found.push(...foundIn(heads[nth] as Head, hitsOf.get(id) ?? new Map()))
  })
  return found
}

export function bucketsOf(hashes: readonly HandleHash[], buckets: number): ReadonlyMap<number, readonly HandleHash[]> {
  const asked = new Map<number, HandleHash[]>()
  for (const hash of hashes) {
    const bucket = bucketOf(hash, buckets)
    asked.set(bucket, [...(asked.get(bucket) ?? []), hash])
  }
  return asked
}

/** Subjects with one of the hashes, each once however many it has, with their combos. */
function hitsIn(entries: Buffer, hashes: readonly HandleHash[]): Map<number, number> {
  const hits = new Map<number, number>()
  for (const at of placesOf(entries, hashes)) hits.set(subjectAt(entries, at), comboAt(entries, at))
  return hits
}

function foundIn(head: Head, hits: ReadonlyMap<number, number>): readonly Found[] {
  const byPage = new Map<PageHead, Map<number, number>>()
  for (const [subject, combo] of hits) {
    const page = head.pages.find(({ first, subjects }) => subject >= first && subject < first + subjects)
    if (page === undefined) continue
    const subjects = byPage.get(page) ?? new Map<number, number>()
    byPage.set(page, subjects.set(subject - page.first, combo))
  }
  return [...byPage].map(([page, subjects]) => ({ page, head, subjects }))
}

async function* entriesOf(
  place: Place,
  { page, head, subjects }: Found,
  question: OutcomeQuestion,
): AsyncGenerator<OutcomeEntry> {
  const about = { runId: page.run, at: isoOf(page.at) }
  const text = page.plain ? await readText(place, page.id) : undefined
  const ends = text?.ends ?? head.ends
  const isAsked = ends.map((end) => holds(end, question))
  const numbers = subjects === undefined ? undefined : [...subjects.keys()].sort((a, b) => a - b)
  if (text !== undefined) {
    for (const nth of numbers ?? text.subjects.keys()) {
      const [key, address, those] = text.subjects[nth] ?? [null, null, []]
      const who = { ...(key === null ? {} : { key }), ...(address === null ? {} : { address }) }
      for (const end of those) if (isAsked[end]) yield { ...about, ...(ends[end] as ActionEnd), ...who }
    }
  } else if (numbers === undefined) {
    for (const [end, actions] of page.counts) {
      if (!isAsked[end]) continue
      for (let nth = 0; nth < actions; nth += 1) yield { ...about, ...(ends[end] as ActionEnd) }
    }
  } else {
    for (const nth of numbers) {
      const those = head.combos[subjects?.get(nth) as number] ?? []
      for (const end of those) if (isAsked[end]) yield { ...about, ...(ends[end] as ActionEnd) }
    }
  }
}

const holds = (end: ActionEnd, { reason, status }: OutcomeQuestion): boolean =>
  (status === undefined || end.status === status) && (reason === undefined || end.reason?.code === reason)

export async function readText({ store, scope }: Place, id: string): Promise<PlainText | undefined> {
  const [text] = await store.get('outcome', [partKey(scope, 'text', id)])
  return text as unknown as PlainText | undefined
}
