import { LakeloopError } from '../../errors.js'
import type { AskOptions, WallAnswer, WallEnd } from './wall.js'

interface Waiting {
  readonly settle: (answer: WallAnswer) => void
  readonly fail: (error: unknown) => void
  timer: NodeJS.Timeout | undefined
}

/** The one request that a wall is asked at a time: it ends once, by an answer, an end, a failure or its deadline. */
export class Pending {
  readonly #kill: (why: WallEnd) => void
  #waiting: Waiting | undefined

  /** `kill` is called at a deadline that passes, and by a signal. */
  constructor(kill: (why: WallEnd) => void) {
    this.#kill = kill
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
      this.within(timeoutMs)
    })
    signal?.addEventListener('abort', aborted, { once: true })
    try {
      send()
      return await answered
    } finally {
      signal?.removeEventListener('abort', aborted)
    }
  }

  /** Sets the deadline anew. */
  within(ms: number): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    clearTimeout(waiting.timer)
    const timer = setTimeout(() => {
      // A host that was busy itself reads its pipes first: an answer may be waiting there.
      setImmediate(() => {
        if (this.#waiting?.timer === timer) this.#kill('timeout')
      })
    }, ms)
    waiting.timer = timer
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
