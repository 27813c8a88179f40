/** Keys per chunk at most; a full one is halved. Small enough to shift in a microsecond, large enough to be few. */
const CHUNK_MAX = 512

/**
 * A map that can be walked in the order of its keys: values in a Map, keys in sorted chunks. New keys are put in their
 * places when somebody asks for the order, so that a table which nobody walks never pays for it.
 *
 * Order   JavaScript's `<`; the caller gives texts for which that is the order it wants (`toSortable`).
 * Cost    a look-up and a change that of a Map; a walk first sorts the keys that are new since the last one, and shifts
 *         each within one chunk.
 */
export class OrderedTable<Value> {
  readonly #values = new Map<string, Value>()
  readonly #chunks: string[][] = [[]]
  /** Keys of `#values` that stand in no chunk yet. */
  #fresh: string[] = []

  get(id: string): Value | undefined {
    return this.#values.get(id)
  }

  set(id: string, value: Value): void {
    const before = this.#values.size
    this.#values.set(id, value)
    if (this.#values.size > before) this.#fresh.push(id)
  }

  delete(id: string): void {
    if (!this.#values.has(id)) return
    this.#place()
    this.#values.delete(id)
    const at = this.#chunkOf(id)
    const chunk = this.#chunks[at] as string[]
    chunk.splice(firstNotBelow(chunk, id), 1)
    if (chunk.length === 0 && this.#chunks.length > 1) this.#chunks.splice(at, 1)
  }

  /** Entries from `start` on, ascending. To be used up before the table is changed again. */
  *from(start: string): Generator<readonly [string, Value]> {
    this.#place()
    for (let at = this.#chunkOf(start); at < this.#chunks.length; at += 1) {
      const chunk = this.#chunks[at] as string[]
      for (let index = firstNotBelow(chunk, start); index < chunk.length; index += 1) {
        const id = chunk[index] as string
        yield [id, this.#values.get(id) as Value]
      }
    }
  }

  /** Sorted first, so that keys which follow each other meet the same chunk. */
  #place(): void {
    if (this.#fresh.length === 0) return
    const fresh = this.#fresh.sort()
    this.#fresh = []
    for (const id of fresh) {
      const at = this.#chunkOf(id)
      const chunk = this.#chunks[at] as string[]
      chunk.splice(firstNotBelow(chunk, id), 0, id)
      if (chunk.length > CHUNK_MAX) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK_MAX / 2))
    }
  }

  /** The last chunk that begins at or before `id`, or the first. */
  #chunkOf(id: string): number {
    let low = 0
    let high = this.#chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (((this.#chunks[middle] as string[])[0] as string) <= id) low = middle
      else high = middle - 1
    }
    return low
  }
}

function firstNotBelow(sorted: readonly string[], id: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as string) < id) low = middle + 1
    else high = middle
  }
  return low
}
