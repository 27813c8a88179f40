import { setImmediate } from 'node:timers/promises'
import type { Op } from '../../stores/store.js'
import { Fingerprints } from './fingerprints.js'
import { ALL, type Kept, keepOps, PARTS } from './kept.js'
import { BlockWriter, type KeptPlace, printHashAt } from './kept-block.js'
import { everyPart, type Known, type Part } from './parts.js'
import { ABSENT, addressAt, claimantAt, hashAt, MEMBER, viewOf } from './record.js'
import type { Spool } from './spool.js'
import { writeTexts } from './texts.js'
import { type Counted, verdicts } from './verdicts.js'

export interface CompareOptions extends Known {
  /** What has to be done. */
  readonly spool: Spool
  /** Of the fingerprints of the list. */
  readonly key: Uint8Array
  /** Whether a claim that no wish has shown goes; undefined: none does. */
  readonly isAbsent: ((claimant: string) => boolean) | undefined
  /** What has to be kept anew, where the log has grown long: up to this plan. */
  readonly keep?: { readonly nth: number; readonly fence: readonly Op[] } | undefined
}

/** In how many parts, and how many letters, what was kept anew is. */
export interface KeptAnew {
  readonly parts: 1 | typeof PARTS
  readonly bytes: number
}

/**
 * Compares what is known of a list with the wishes, part by part, and spools what has to be done.
 *
 * Cost  memory for two parts: of a list of ten million, some MB each.
 */
export async function compare(options: CompareOptions): Promise<{ counts: Counted; kept?: KeptAnew }> {
  const counts: Counted = { add: 0, remove: 0, keep: 0, members: 0, targets: 0 }
  const { spool, keep, isAbsent } = options
  let parts: 1 | typeof PARTS = 1
  let bytes = 0
  for await (const one of everyPart(options, { opensUnseen: isAbsent !== undefined, all: keep !== undefined })) {
    if (one.part !== ALL) parts = PARTS
    if (keep !== undefined) bytes += await keepPart(options, keep, one)
    await one.places.wish(one.wishesAt)
    await verdicts({ spool, isAbsent: isAbsent ?? (() => false) }, one.places, counts)
    const asBefore = one.count - one.open.length
    for (const what of ['members', 'targets', 'keep'] as const) counts[what] += asBefore
    await spool.flush()
  }
  return keep === undefined ? { counts } : { counts, kept: { parts, bytes } }
}

/** Places whose fingerprints are made at once. */
const PLACES_AT_ONCE = 2_000

/** Writes the places of a part in the place of those kept before. Gives their letters. */
async function keepPart(
  { store, list, key }: CompareOptions,
  { nth, fence }: NonNullable<CompareOptions['keep']>,
  { part, count, kept, open, places }: Part,
): Promise<number> {
  const others: KeptPlace[] = []
  await places.each(
    (at) => {
      const hash = hashAt(viewOf(places.bytes), at)
      others.push({ hash, address: addressAt(places.bytes, at), claimant: claimantAt(places.bytes, at), state: MEMBER })
    },
    (address, { hash, state, claims }) => {
      for (const claimant of claims.keys()) others.push({ hash, address, claimant, state })
      if (claims.size === 0 && state !== ABSENT) others.push({ hash, address, claimant: '', state })
    },
  )
  others.sort((a, b) => a.hash - b.hash)
  const writer = new BlockWriter()
  const closed = new Closed(kept, count, open, writer)
  const fingerprints = new Fingerprints(key)
  for (let from = 0; from < others.length; from += PLACES_AT_ONCE) {
    const some = others.slice(from, from + PLACES_AT_ONCE)
    fingerprints.of(writeTexts(some))
    for (const [n, place] of some.entries()) {
      closed.copyUpTo(place.hash)
      writer.put(place, { word: fingerprints.words[n] as number, tail: fingerprints.tails[n] as number })
    }
    await setImmediate()
  }
  closed.copyUpTo(Number.POSITIVE_INFINITY)
  const blocks = writer.end()
  const ops = await keepOps(store, list, { part, nth, blocks })
  if (ops.length > 0) await store.commit([...fence, ...ops])
  return blocks.reduce((sum, { prints, texts }) => sum + prints.length + texts.length, 0)
}

/** Neighbours whose texts are copied as one. */
const RUN_MAX = 64

/** The places that are not open, in their order. */
class Closed {
  readonly #kept: Kept
  readonly #count: number
  readonly #open: Int32Array
  readonly #writer: BlockWriter
  #at = 0
  #opened = 0

  constructor(kept: Kept, count: number, open: Int32Array, writer: BlockWriter) {
    this.#kept = kept
    this.#count = count
    this.#open = open
    this.#writer = writer
  }

  /** Puts those whose hash is less into blocks as they stand. */
  copyUpTo(hash: number): void {
    const { prints } = this.#kept
    for (let from = this.#at; ; from = this.#at) {
      while (this.#isOpen()) {
        this.#at += 1
        this.#opened += 1
        from = this.#at
      }
      const most = Math.min(this.#count, from + RUN_MAX)
      for (; this.#at < most && !this.#isOpen() && printHashAt(prints, this.#at) < hash; this.#at += 1)
        this.#writer.copy(this.#kept.headOf(this.#at), prints, this.#at)
      if (this.#at === from) return
      this.#writer.texts(this.#kept.textsOf(from, this.#at))
    }
  }

  #isOpen(): boolean {
    return this.#opened < this.#open.length && this.#open[this.#opened] === this.#at
  }
}
