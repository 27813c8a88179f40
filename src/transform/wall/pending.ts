import { LakeloopError } from '../../errors.js'
import type { AskOptions, WallAnswer, WallEnd } from './wall.js'

interface Waiting {
  readonly settle: (answer: WallAnswer) => void
  readonly fail: (error: unknown) => void
  timer: NodeJS.Timeout | undefined
}

/** An answer that is on its way at the deadline may come to its end, as long as more of it is there at every look. */
const LOOK_MS = 200
const LOOKS_MAX = 150

/** The one request that a wall is asked at a time: it ends once, by an answer, an end, a failure or its deadline. */
export class Pending {
  readonly #kill: (why: WallEnd) => void
  readonly #arrived: () => number
  #waiting: Waiting | undefined

  /** `kill` is called at a deadline that passes, and by a signal; `arrived` tells how many bytes of an answer are there. */
  constructor(kill: (why: WallEnd) => void, arrived: () => number = () => 0) {
    this.#kill = kill
    this.#arrived = arrived
  }

  get waits(): boolean {
    return this.#waiting !== undefined
  }

  /** Sends the request and waits for how it ends. Throws ABORTED, and what `fail` is given. */
  async ask({ timeoutMs, signal }: AskOptions, send: () => void): Promise<WallAnswer> {
    if (signal?.aborted === true) throw new LakeloopError('ABORTED')
    const aborted = (): void => {
      this.fail(new LakeloopError('ABORTED'))
      this.#kill('crashed')
    }
    const answered = new Promise<WallAnswer>((settle, fail) => {
      this.#waiting = { settle, fail, timer: undefined }
      this.#deadline(this.#waiting, timeoutMs)
    })
    signal?.addEventListener('abort', aborted, { once: true })
    try {
      send()
      return await answered
    } finally {
      signal?.removeEventListener('abort', aborted)
    }
  }

  #deadline(waiting: Waiting, ms: number, seen = 0, looks = 0): void {
    // A host that was busy itself reads its pipes first: an answer may be waiting there.
    waiting.timer = setTimeout(() => setImmediate(() => this.#overdue(waiting, seen, looks)), ms)
  }

  #overdue(waiting: Waiting, seen: number, looks: number): void {
    if (this.#waiting !== waiting) return
    const arrived = this.#arrived()
    if (arrived > seen && looks < LOOKS_MAX) this.#deadline(waiting, LOOK_MS, arrived, looks + 1)
    else this.#kill('timeout')
  }

  settle(answer: WallAnswer): void {
    this.#taken()?.settle(answer)
  }

  fail(error: unknown): void {
    this.#taken()?.fail(error)
  }

  #taken(): Waiting | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    clearTimeout(waiting?.timer)
    return waiting
  }
}

export function startFailed(error: unknown): LakeloopError {
  const { code, name } = error as NodeJS.ErrnoException
  return new LakeloopError('TRANSFORM_START_FAILED', { problem: code ?? name }, error)
}
