import { Worker } from 'node:worker_threads'
import { LakeloopError } from '../../errors.js'
import type { PartAsked, PartKept, PartMatched } from './matcher.js'
import type { ThreadData } from './thread-data.js'
import type { Answered, Asked } from './thread-protocol.js'
import type { WishPage } from './wish-batch.js'

/** Pages on their way to the thread: one that is worked on, and those that wait for it. */
const PAGES_MAX = 4

/** A thread makes few objects that live. */
const MEMORY = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 3 }

interface Waiting {
  readonly done: (answered: Answered) => void
  readonly failed: (error: unknown) => void
}

/**
 * A `Matcher` in a thread of its own: what it does costs about as much as the host's reading of the audience and of what is kept,
 * and goes on beside it. Bytes are handed over, and back, and not copied.
 *
 * Throws  as `Matcher`; LIST_SPOOL where the thread ends.
 */
export class MatchThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0
  #pages: Promise<Answered>[] = []
  readonly #spare: Uint8Array[] = []
  #gone: unknown

  /** Undefined where the host may start no thread. */
  static async open(data: ThreadData): Promise<MatchThread | undefined> {
    const { THREAD_SOURCE } = await import('./thread.generated.js')
    try {
      return new MatchThread(data, THREAD_SOURCE)
    } catch (error) {
      // Node's permission model: the same work is done in the host's thread.
      if ((error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED') return undefined
      throw error
    }
  }

  private constructor(data: ThreadData, source: string) {
    this.#worker = new Worker(source, {
      eval: true,
      execArgv: [], // else the host's preloads run there
      env: {},
      workerData: data,
      resourceLimits: MEMORY,
    })
    this.#worker.on('message', (answered: Answered) => this.#answer(answered))
    this.#worker.on('error', (error) => this.#end(error))
    this.#worker.on('exit', () => this.#end(undefined))
  }

  /** Bytes that the texts of a page may be written into. */
  spare(): Uint8Array | undefined {
    return this.#spare.pop()
  }

  /** Hands over what is kept of a part; its bytes are gone here. */
  async take(part: number, kept: PartKept): Promise<void> {
    await this.#wait(this.#ask({ what: 'take', part, kept }, buffersOf(kept)))
  }

  /** Hands a page over; its bytes are gone here. Waits while many are on their way. */
  async add(page: WishPage): Promise<void> {
    const { bytes, lengths, wants } = page
    const answer = this.#ask({ what: 'add', page }, [bytes.buffer, lengths.buffer, wants.buffer] as ArrayBuffer[])
    await this.#wait(answer)
  }

  /** No page follows. Gives the bytes of all wishes that were spooled. */
  async end(): Promise<number> {
    await Promise.all(this.#pages)
    this.#pages = []
    return (await this.#ask({ what: 'end' }, [])).bytes as number
  }

  /** The bytes of what is asked are gone here. */
  async match(part: PartAsked): Promise<PartMatched> {
    const { matched } = await this.#ask({ what: 'match', part }, part.kept ? buffersOf(part.kept) : [])
    return matched as PartMatched
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#gone === undefined) await this.#ask({ what: 'close' }, []).catch(() => undefined)
    await this.#worker.terminate()
  }

  /** Waits where many are on their way. */
  async #wait(answer: Promise<Answered>): Promise<void> {
    answer.catch(() => undefined) // told below, or by `end`
    this.#pages.push(answer)
    if (this.#pages.length >= PAGES_MAX) await this.#pages.shift()
  }

  async #ask(asked: Asked, handedOver: ArrayBuffer[]): Promise<Answered> {
    if (this.#gone !== undefined) throw this.#gone
    this.#asked += 1
    const nth = this.#asked
    return await new Promise((done, failed) => {
      this.#waiting.set(nth, { done, failed })
      this.#worker.postMessage({ nth, asked }, handedOver)
    })
  }

  #answer(answered: Answered): void {
    const waiting = this.#waiting.get(answered.nth)
    this.#waiting.delete(answered.nth)
    if (answered.spare !== undefined) this.#spare.push(answered.spare)
    if (answered.problem === undefined) waiting?.done(answered)
    else waiting?.failed(new LakeloopError('LIST_SPOOL', { problem: answered.problem }))
  }

  #end(error: unknown): void {
    this.#gone ??= new LakeloopError('LIST_SPOOL', { problem: 'its thread ended' }, error)
    for (const { failed } of this.#waiting.values()) failed(this.#gone)
    this.#waiting.clear()
  }
}

const buffersOf = ({ prints, told }: PartKept): ArrayBuffer[] => [prints.buffer, told.buffer] as ArrayBuffer[]
