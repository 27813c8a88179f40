import { FRAME_BYTES_MAX, type Request } from '../protocol.js'
import { NoWall } from './none.js'
import { ProcessWall } from './process.js'
import { ThreadWall } from './thread.js'
import type { AskOptions, Wall, WallAnswer } from './wall.js'

/** `process`: a process of its own. `thread`: a thread of the host. `none`: the host's own thread. */
export type Isolation = 'process' | 'thread' | 'none'

export interface WallsOptions {
  readonly isolation: Isolation
  readonly memoryMb: number
  /** Without a call for this long, in ms, what runs is stopped; `Infinity` for never. */
  readonly idleMs: number
  /** Whether a second one is started where the first is likely to be stopped. */
  readonly spare: boolean
}

/** Calls `then` after `ms`, unless what it gives is called before. Holds nobody's end up. */
export type After = (ms: number, then: () => void) => () => void

/** Of the rows of a request; the rest of its frame is for the program. */
const BODY_BYTES_MAX = FRAME_BYTES_MAX / 2

const after: After = (ms, then) => {
  const timer = setTimeout(then, ms).unref()
  return () => clearTimeout(timer)
}

const OPEN: Record<Isolation, (memoryMb: number) => Promise<Wall>> = {
  process: (memoryMb) => ProcessWall.open(memoryMb),
  thread: (memoryMb) => ThreadWall.open(memoryMb),
  none: () => NoWall.open(),
}

/**
 * The walls of one transform: one that is warm, a spare where that one is likely to be stopped, none after an idle time.
 *
 * A spare is started and locked down, and has no program yet. It is started when a request has taken half its time, and
 * beside the successor of one that ended by itself: so a stop costs no start, and a program that needs none has no spare.
 */
export class Walls {
  readonly #options: WallsOptions
  readonly #open: () => Promise<Wall>
  readonly #after: After
  #warm: Wall | undefined
  #spare: Promise<Wall | undefined> | undefined
  #hasFallen = false
  #uses = 0
  #cancelIdle: (() => void) | undefined
  #closed = false

  constructor(options: WallsOptions, parts: { readonly open?: () => Promise<Wall>; readonly after?: After } = {}) {
    this.#options = options
    this.#open = parts.open ?? (() => OPEN[options.isolation](options.memoryMb))
    this.#after = parts.after ?? after
  }

  /** A wall without a program: the spare, or a new one. Throws TRANSFORM_START_FAILED. */
  async open(): Promise<Wall> {
    const spare = this.#spare
    this.#spare = undefined
    const kept = await spare
    const wall = kept?.alive === true ? kept : await this.#open()
    this.#warm = wall
    if (this.#closed) wall.kill('crashed')
    if (this.#hasFallen) this.#standBy()
    this.#hasFallen = false
    return {
      get alive(): boolean {
        return wall.alive
      },
      ask: (request, body, options) => this.#ask(wall, request, body, options),
      kill: (why) => wall.kill(why),
    }
  }

  /** Keeps the idle stop away until `work` is done. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#cancelIdle?.()
    this.#uses += 1
    try {
      return await work()
    } finally {
      this.#uses -= 1
      const { idleMs } = this.#options
      if (this.#uses === 0 && idleMs !== Number.POSITIVE_INFINITY) {
        this.#cancelIdle = this.#after(idleMs, () => this.#stop())
      }
    }
  }

  /** Ends all of them; one that is on its way ends when it is there. Idempotent. */
  close(): void {
    this.#closed = true
    this.#cancelIdle?.()
    this.#stop()
  }

  async #ask(wall: Wall, request: Request, body: Uint8Array, options: AskOptions): Promise<WallAnswer> {
    if (body.length > BODY_BYTES_MAX) return { end: 'memory' }
    let cancel: (() => void) | undefined
    const begun = (): void => {
      cancel = this.#after(options.timeoutMs / 2, () => this.#standBy())
    }
    try {
      const answer = await wall.ask(request, body, { ...options, begun })
      if (answer.end !== 'untouched') this.#hasFallen = answer.end === 'memory' || answer.end === 'crashed'
      return answer
    } finally {
      cancel?.()
    }
  }

  #standBy(): void {
    const { spare, isolation } = this.#options
    if (!spare || isolation === 'none' || this.#closed) return
    // That it cannot be started is told to whoever needs it.
    this.#spare ??= this.#open().catch(() => undefined)
  }

  #stop(): void {
    this.#warm?.kill('crashed')
    const spare = this.#spare
    this.#spare = undefined
    void spare?.then((wall) => wall?.kill('crashed'))
  }
}
