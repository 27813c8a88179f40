import type { Json } from '../model/value.js'
import type { Op } from '../stores/store.js'
import { type Batch, batchOp } from './batches.js'
import { type Hasher, newHasher, readHasher } from './handles.js'
import { pageId, recorded, type Subject } from './page-records.js'
import { type Commit, type Place, partKey } from './place.js'
import { BOUNDS, type Bounds, isDue, type Tail, tidy } from './tidy.js'

/** What is kept of each outcome: `hashed` a keyed hash of who it was, `plain` key and address too, `off` nothing. */
export type Outcomes = 'hashed' | 'plain' | 'off'

export interface RecorderOptions {
  readonly outcomes: Outcomes
  readonly runId: string
  /** The how-manieth run of the sync this is: what it records is newer than what those before did. */
  readonly turn: number
  readonly addressedBy: string
  /** In ms. */
  readonly now: () => number
  /** When pages are folded; smaller in tests. */
  readonly bounds?: Bounds
}

/** How much waits to be folded, and when retention was last seen to, in ms; 0 where it never was. */
export interface TailRecord extends Tail {
  readonly prunedAt: number
}

export const EMPTY_TAIL: TailRecord = { pages: 0, entries: 0, prunedAt: 0 }

export async function readTail({ store, scope }: Place): Promise<TailRecord> {
  const [tail] = await store.get('outcome', [partKey(scope, 'tail')])
  return (tail ?? EMPTY_TAIL) as unknown as TailRecord
}

export const tailOp = ({ scope }: Pick<Place, 'scope'>, tail: TailRecord): Op => ({
  op: 'put',
  table: 'outcome',
  key: partKey(scope, 'tail'),
  value: tail as unknown as Json,
})

/**
 * Writes down what became of actions, in the commits of those who know it: it makes ops and commits nothing but folds.
 *
 * Upholds  I1 (whoever calls it has the destination's answer), I7 (`hashed`: no key and no address is kept), I12.
 * Cost     about 1 us a handle for its hash; each page is one record, and once it is folded 15 bytes a handle.
 */
export class Recorder {
  readonly #place: Place
  readonly #options: RecorderOptions
  readonly #hasher: Hasher | undefined
  readonly #begun: readonly Op[]
  #tail: TailRecord
  #pages = 0
  #batches: Batch[] = []
  #batchRecords = 0
  #folding: Promise<void> = Promise.resolve()

  private constructor(
    place: Place,
    options: RecorderOptions,
    { hasher, begun, tail }: { hasher: Hasher | undefined; begun: readonly Op[]; tail: TailRecord },
  ) {
    this.#place = place
    this.#options = options
    this.#hasher = hasher
    this.#begun = begun
    this.#tail = tail
  }

  static async open(place: Place, options: RecorderOptions): Promise<Recorder> {
    const tail = await readTail(place)
    if (options.outcomes === 'off') return new Recorder(place, options, { hasher: undefined, begun: [], tail })
    const known = await readHasher(place)
    if (known !== undefined) return new Recorder(place, options, { hasher: known, begun: [], tail })
    const { hasher, op } = newHasher(place)
    return new Recorder(place, options, { hasher, begun: [op], tail })
  }

  /** To be committed once, before anything that was recorded. */
  get begun(): readonly Op[] {
    return this.#begun
  }

  /** True if outcomes are kept at all: else nobody need gather them. */
  get keeps(): boolean {
    return this.#hasher !== undefined
  }

  /** What a request came to; kept with the next {@link Recorder.ops}. */
  batch(batch: Batch): void {
    this.#batches.push(batch)
  }

  /** Ops for the outcomes of some subjects, and for the requests since the last call. Call {@link Recorder.tidy} once they are committed. */
  ops(subjects: readonly Subject[] = []): readonly Op[] {
    const batches = this.#batchOps()
    if (this.#hasher === undefined || subjects.length === 0) return batches
    const { scope } = this.#place
    const { runId, turn, addressedBy, outcomes, now } = this.#options
    const writing = { scope, hasher: this.#hasher, runId, addressedBy, plain: outcomes === 'plain' }
    const nextId = (): string => pageId(turn, this.#pages++)
    const { ops, pages, entries } = recorded(writing, subjects, { at: now(), nextId })
    this.#tail = { ...this.#tail, pages: this.#tail.pages + pages, entries: this.#tail.entries + entries }
    return [...ops, tailOp(this.#place, this.#tail), ...batches]
  }

  #batchOps(): readonly Op[] {
    if (this.#batches.length === 0) return []
    const batches = this.#batches
    this.#batches = []
    return [batchOp(this.#place.scope, this.#options.runId, this.#batchRecords++, batches)]
  }

  /** Folds pages where enough of them have come together. One at a time. */
  tidy(commit: Commit): Promise<void> {
    if (!this.#due) return this.#folding
    const folding = this.#folding.then(() => (this.#due ? this.#fold(commit) : undefined))
    this.#folding = folding.catch(() => undefined)
    return folding
  }

  get #due(): boolean {
    return isDue(this.#tail, this.#options.bounds ?? BOUNDS)
  }

  /** What was counted may never have been committed, or be folded by a run that died: then it is counted anew. */
  async #fold(commit: Commit): Promise<void> {
    const left = await tidy(this.#place, commit, this.#options.bounds)
    this.#tail = { ...this.#tail, ...left }
  }
}
