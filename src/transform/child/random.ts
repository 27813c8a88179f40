/** Numbers in [0, 1) that depend on the seed and the row's index alone (I9): mulberry32, seeded by FNV-1a. */
export class Random {
  readonly #seed: number
  #state = 0

  constructor(seed: string) {
    let hash = 0x811c9dc5
    for (let at = 0; at < seed.length; at += 1) hash = Math.imul(hash ^ seed.charCodeAt(at), 0x01000193)
    this.#seed = hash
  }

  /** Begins the sequence of a row. */
  startRow(index: number): void {
    this.#state = this.#seed ^ Math.imul(index + 1, 0x9e3779b1)
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
