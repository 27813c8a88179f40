import { Dictionary } from './dictionary.js'
import { HASH_BYTES, type HandleHash } from './handles.js'
import type { ActionEnd } from './place.js'

/** Hash, number of the subject (4 bytes), number of its combo (3 bytes): in base64 without a remainder. */
export const ENTRY_BYTES = 15
const SUBJECT_AT = HASH_BYTES
const COMBO_AT = SUBJECT_AT + 4

/** One finished page within a block. A subject is a person as one row named them, with all that the row made of them. */
export interface PageHead {
  /** Of the page: rises with time within a sync. */
  readonly id: string
  readonly run: string
  /** When it was recorded, in ms. */
  readonly at: number
  /** Number of its first subject within the block. */
  readonly first: number
  readonly subjects: number
  /** How many actions ended in which way, by number. */
  readonly counts: readonly (readonly [end: number, actions: number])[]
  /** Its keys and addresses are kept in the clear beside it. */
  readonly plain?: boolean
}

export interface Head {
  readonly pages: readonly PageHead[]
  readonly ends: readonly ActionEnd[]
  readonly combos: readonly (readonly number[])[]
}

/** Some pages together: what they hold in all, and an entry for each handle of each subject. */
export interface Block {
  readonly head: Head
  readonly entries: Buffer
}

/** Which pages and subjects of a block are to stay. */
export interface Keep {
  readonly page: (page: PageHead) => boolean
  readonly subject: (subject: number) => boolean
}

const ALL: Keep = { page: () => true, subject: () => true }
const GONE = 0xffff_ffff

export const lengthOf = (entries: Buffer): number => entries.length / ENTRY_BYTES
export const subjectsIn = ({ pages }: Head): number => pages.reduce((sum, { subjects }) => sum + subjects, 0)
export const actionsIn = ({ pages }: Head): number =>
  pages.reduce((sum, { counts }) => sum + counts.reduce((actions, [, more]) => actions + more, 0), 0)

/** Writes an entry at a place of a buffer. */
export function writeEntry(into: Buffer, at: number, hash: HandleHash, subject: number, combo: number): void {
  for (let byte = 0; byte < HASH_BYTES; byte += 1) into[at + byte] = hash.charCodeAt(byte)
  writeRest(into, at, subject, combo)
}

/** Byte by byte, as the hash: Buffer's own methods check what is known here, and that is most of what folding costs. */
function writeRest(into: Buffer, at: number, subject: number, combo: number): void {
  into[at + SUBJECT_AT] = subject >>> 24
  into[at + SUBJECT_AT + 1] = subject >>> 16
  into[at + SUBJECT_AT + 2] = subject >>> 8
  into[at + SUBJECT_AT + 3] = subject
  into[at + COMBO_AT] = combo >>> 16
  into[at + COMBO_AT + 1] = combo >>> 8
  into[at + COMBO_AT + 2] = combo
}

const word = (bytes: Buffer, at: number): number =>
  (((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)) >>>
  0

export const subjectAt = (entries: Buffer, at: number): number => word(entries, at + SUBJECT_AT)
/** The last three of the bytes that its subject's last one begins. */
export const comboAt = (entries: Buffer, at: number): number => word(entries, at + COMBO_AT - 1) & 0xff_ffff

/** The places of all entries with one of the hashes. */
export function* placesOf(entries: Buffer, hashes: readonly HandleHash[]): Generator<number> {
  const asked = hashes.map((hash) => Buffer.from(hash.slice(0, HASH_BYTES), 'latin1'))
  const heads = asked.map((hash) => word(hash, 0))
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    const head = word(entries, at)
    for (let nth = 0; nth < heads.length; nth += 1) {
      if (head !== heads[nth]) continue
      const hash = asked[nth] as Buffer
      if (hash.compare(entries, at, at + HASH_BYTES) === 0) yield at
    }
  }
}

/**
 * Several blocks as one, with numbers of its own.
 *
 * Order   of pages and subjects: that of the blocks.
 * Laws    what is kept is found under the same hashes, with the same ends, as before.
 */
export function joined(blocks: readonly Block[], keep: Keep = ALL): Block {
  const dictionary = new Dictionary()
  const pages: PageHead[] = []
  const all = Buffer.allocUnsafe(blocks.reduce((sum, { entries }) => sum + entries.length, 0))
  let length = 0
  let next = 0
  for (const { head, entries } of blocks) {
    const endOf = lazily(head.ends.length, (end) => dictionary.end(head.ends[end] as ActionEnd))
    const comboOf = lazily(head.combos.length, (combo) => dictionary.combo((head.combos[combo] ?? []).map(endOf)))
    const moved = new Uint32Array(subjectsIn(head)).fill(GONE)
    for (const page of head.pages) {
      if (!keep.page(page)) continue
      for (let nth = 0; nth < page.subjects; nth += 1) moved[page.first + nth] = next + nth
      const counts = page.counts.map(([end, actions]) => [endOf(end), actions] as const)
      pages.push({ ...page, first: next, counts })
      next += page.subjects
    }
    // In one piece, so that of an entry only its numbers are written again.
    if (keep === ALL) all.set(entries, length)
    for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
      const before = subjectAt(entries, at)
      const subject = moved[before] ?? GONE
      if (subject === GONE || !keep.subject(before)) continue
      if (keep !== ALL)
        for (let byte = 0; byte < HASH_BYTES; byte += 1) all[length + byte] = entries[at + byte] as number
      writeRest(all, length, subject, comboOf(comboAt(entries, at)))
      length += ENTRY_BYTES
    }
  }
  return { head: { pages, ends: dictionary.ends, combos: dictionary.combos }, entries: all.subarray(0, length) }
}

function lazily(length: number, make: (index: number) => number): (index: number) => number {
  const made = new Int32Array(length).fill(-1)
  return (index) => {
    if (made[index] === -1) made[index] = make(index)
    return made[index] as number
  }
}

/** Entries of a bucket: a look-up reads one of each fold, and folding writes all of them. */
const BUCKET_ENTRIES = 256
const BUCKETS_MAX = 512

/** A power of two. */
export function bucketsFor(entries: number): number {
  let buckets = 1
  while (buckets < BUCKETS_MAX && buckets * BUCKET_ENTRIES < entries) buckets *= 2
  return buckets
}

export const bucketOf = (hash: HandleHash, buckets: number): number =>
  ((hash.charCodeAt(0) << 8) | hash.charCodeAt(1)) & (buckets - 1)

/** The entries by bucket; `undefined` where there are none. */
export function bucketed(entries: Buffer, buckets: number): readonly (Buffer | undefined)[] {
  const numberAt = (at: number): number =>
    (((entries[at] as number) << 8) | (entries[at + 1] as number)) & (buckets - 1)
  const counts = new Uint32Array(buckets)
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) counts[numberAt(at)] = (counts[numberAt(at)] as number) + 1
  const parts = Array.from(counts, (count) => (count === 0 ? undefined : Buffer.allocUnsafe(count * ENTRY_BYTES)))
  const filled = new Uint32Array(buckets)
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    const bucket = numberAt(at)
    const part = parts[bucket] as Buffer
    const to = filled[bucket] as number
    for (let byte = 0; byte < ENTRY_BYTES; byte += 1) part[to + byte] = entries[at + byte] as number
    filled[bucket] = to + ENTRY_BYTES
  }
  return parts
}
