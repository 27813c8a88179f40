/** The rows of a request, read piece by piece: a row whose piece has been worked off need not stay in memory, and is not moved in it. */
export class Rows {
  /** JSON arrays that follow each other, where they were cut apart by {@link cut}. */
  #texts: readonly string[]
  #rows: readonly (object | null)[] = []
  /** Rows before those that are there. */
  #before = 0
  #next = 0

  constructor(texts: readonly string[]) {
    this.#texts = texts
  }

  /** A row by its index; `undefined` behind the last. Indexes never fall. */
  at(index: number): object | null | undefined {
    while (index - this.#before >= this.#rows.length && this.#next < this.#texts.length) {
      this.#before += this.#rows.length
      this.#rows = this.#piece()
    }
    return this.#rows[index - this.#before]
  }

  /** All that were not read yet. */
  all(): readonly (object | null)[] {
    const all: (object | null)[] = []
    while (this.#next < this.#texts.length) for (const row of this.#piece()) all.push(row)
    return all
  }

  #piece(): readonly (object | null)[] {
    const text = this.#texts[this.#next] as string
    this.#next += 1
    try {
      return JSON.parse(text) as (object | null)[]
    } catch {
      // It was cut where no row ends: what is left is read as one.
      const left = [text, ...this.#texts.slice(this.#next)].map((one) => one.slice(1, -1))
      this.#next = this.#texts.length
      return JSON.parse(`[${left.join()}]`) as (object | null)[]
    }
  }
}
