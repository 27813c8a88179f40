import { LakeloopError } from '../../errors.js'
import type { AskOptions, WallAnswer } from './wall.js'

interface Waiting {
  readonly options: AskOptions
  readonly settle: (answer: WallAnswer) => void
  readonly fail: (error: unknown) => void
  timer: NodeJS.Timeout | undefined
}

/** An answer that is on its way at the deadline may come to its end, as long as more of it is there at every look. */
const LOOK_MS = 200
const LOOKS_MAX = 150

/**
 * The requests that a wall is asked, first come, first answered. Each ends once, by an answer, an end, a failure or its deadline,
 * which counts from when it comes to the head: until then it is nobody's turn but that of those before it.
 */
export class Pending {
  readonly #kill: (why: 'timeout' | 'untouched') => void
  readonly #arrived: () => number
  readonly #waiting: Waiting[] = []

  /** `kill` is called at a deadline that passes, and by a signal; `arrived` tells how many bytes of an answer are there. */
  constructor(kill: (why: 'timeout' | 'untouched') => void, arrived: () => number = () => 0) {
    this.#kill = kill
    this.#arrived = arrived
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length
  }

  /** Sends the request and waits for how it ends. Throws ABORTED, and what `fail` is given. */
  async ask(options: AskOptions, send: () => void): Promise<WallAnswer> {
    const { signal } = options
    if (signal?.aborted === true) throw new LakeloopError('ABORTED')
    let own: Waiting | undefined
    const answered = new Promise<WallAnswer>((settle, fail) => {
      own = { options, settle, fail, timer: undefined }
      if (this.#waiting.push(own) === 1) this.#begin(own)
    })
    const aborted = (): void => {
      own?.fail(new LakeloopError('ABORTED'))
      this.#kill('untouched') // what else waits is not at fault
    }
    signal?.addEventListener('abort', aborted, { once: true })
    try {
      send()
      return await answered
    } finally {
      signal?.removeEventListener('abort', aborted)
    }
  }

  #begin(waiting: Waiting): void {
    waiting.options.begun?.()
    this.#deadline(waiting, waiting.options.timeoutMs)
  }

  #deadline(waiting: Waiting, ms: number, seen = 0, looks = 0): void {
    // A host that was busy itself reads its pipes first: an answer may be waiting there.
    waiting.timer = setTimeout(() => setImmediate(() => this.#overdue(waiting, seen, looks)), ms)
  }

  #overdue(waiting: Waiting, seen: number, looks: number): void {
    if (this.#waiting[0] !== waiting) return
    const arrived = this.#arrived()
    if (arrived > seen && looks < LOOKS_MAX) this.#deadline(waiting, LOOK_MS, arrived, looks + 1)
    else this.#kill('timeout')
  }

  /** Answers the request at the head. */
  settle(answer: WallAnswer): void {
    this.#taken()?.settle(answer)
    const [next] = this.#waiting
    if (next !== undefined) this.#begin(next)
  }

  /** Ends all: the head by `answer`. */
  end(answer: WallAnswer): void {
    this.#taken()?.settle(answer)
    while (this.#waiting.length > 0) this.#taken()?.settle({ end: 'untouched' })
  }

  /** The same, with an error for the head. */
  fail(error: unknown): void {
    this.#taken()?.fail(error)
    this.end({ end: 'untouched' })
  }

  #taken(): Waiting | undefined {
    const waiting = this.#waiting.shift()
    clearTimeout(waiting?.timer)
    return waiting
  }
}

export function startFailed(error: unknown): LakeloopError {
  const { code, name } = error as NodeJS.ErrnoException
  return new LakeloopError('TRANSFORM_START_FAILED', { problem: code ?? name }, error)
}
