import { LakeloopError } from '../errors.js'

/** Rows of the newest outcomes that the circuit looks at, and the fewest before it judges. */
const CIRCUIT_ROWS = 1_000
const CIRCUIT_ROWS_MIN = 100

/** Stops a run of which too large a share is rejected: then the mapping is wrong, and not the rows. */
export class Circuit {
  readonly #share: number
  readonly #rejected: boolean[] = []
  #at = 0

  /** @param share  of the newest rows that may be rejected, from 0 to 1 */
  constructor(share: number) {
    this.#share = share
  }

  judge(isRejected: boolean): void {
    this.#rejected[this.#at % CIRCUIT_ROWS] = isRejected
    this.#at += 1
  }

  /** Throws CIRCUIT_OPEN. */
  check(): void {
    const seen = this.#rejected
    const rejected = seen.filter(Boolean).length
    if (seen.length < CIRCUIT_ROWS_MIN || rejected / seen.length <= this.#share) return
    throw new LakeloopError('CIRCUIT_OPEN', {
      rejected,
      window: seen.length,
      limit: `${Number((this.#share * 100).toFixed(6))} %`,
    })
  }
}
