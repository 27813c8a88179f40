import { Worker } from 'node:worker_threads'
import { LakeloopError } from '../../errors.js'
import type { Table } from '../store.js'
import type { StoreFile } from './file.js'
import { libsqlPlace } from './place.js'
import type { Found, Span, Write } from './texts.js'
import { type Answer, errorOf, pack, type Question, type Request, type Start } from './wire.js'

/** Three semi-spaces of 4 MB: what is read and written lives shortly. */
const YOUNG_MB = 12

interface Waiting {
  readonly resolve: (found: Found | undefined) => void
  readonly reject: (error: unknown) => void
}

/**
 * A file that is open in a thread of its own, from the first use on: no statement and no disk holds the host's loop.
 *
 * An idle thread keeps no process from ending. One that dies takes what it was asked with it: STORE_FAILED, and the next
 * question starts another.
 */
export class FileThread implements StoreFile {
  readonly #path: string
  readonly #busyTimeoutMs: number
  #worker: Promise<Worker> | undefined
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0

  constructor(path: string, busyTimeoutMs: number) {
    this.#path = path
    this.#busyTimeoutMs = busyTimeoutMs
  }

  async get(table: Table, keys: string): Promise<Found> {
    return (await this.#ask({ ask: 'get', table, keys })) as Found
  }

  async scan(table: Table, span: Span): Promise<Found> {
    return (await this.#ask({ ask: 'scan', table, span })) as Found
  }

  async write(writes: readonly Write[]): Promise<void> {
    await this.#ask({ ask: 'write', writes: pack(writes) })
  }

  async close(): Promise<void> {
    if (this.#worker === undefined) return
    const worker = await this.#worker
    await this.#ask({ ask: 'close' }).catch(() => undefined) // as good as closed: it has died
    await worker.terminate()
  }

  async #ask(question: Question): Promise<Found | undefined> {
    this.#worker ??= this.#start()
    const worker = await this.#worker
    this.#asked += 1
    const id = this.#asked
    const answered = new Promise<Found | undefined>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
    })
    worker.ref()
    worker.postMessage({ id, question } satisfies Request)
    return await answered
  }

  async #start(): Promise<Worker> {
    try {
      const { THREAD_SOURCE } = await import('./thread.generated.js')
      const start: Start = { path: this.#path, busyTimeoutMs: this.#busyTimeoutMs, libsqlAt: libsqlPlace() }
      const worker = new Worker(THREAD_SOURCE, {
        eval: true,
        execArgv: [], // else the host's preloads run there
        env: {},
        workerData: start,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      })
      worker.on('message', (answer: Answer) => this.#settle(worker, answer))
      let cause: unknown
      worker.once('error', (error) => {
        cause = error
      })
      worker.once('exit', () => this.#died(cause))
      worker.unref()
      return worker
    } catch (error) {
      this.#worker = undefined
      throw new LakeloopError(
        'STORE_FAILED',
        { problem: `no thread can be started for ${this.#path}; with a driver of your own it needs none` },
        error,
      )
    }
  }

  #settle(worker: Worker, { id, found, fault }: Answer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) worker.unref()
    if (fault === undefined) waiting?.resolve(found)
    else waiting?.reject(errorOf(fault))
  }

  /** By its exit alone: an error comes before it, and by then the next thread may be at work. */
  #died(cause: unknown): void {
    this.#worker = undefined
    const problem = `the thread of ${this.#path} has ended; what it was writing may be there or not`
    for (const { reject } of this.#waiting.values()) reject(new LakeloopError('STORE_FAILED', { problem }, cause))
    this.#waiting.clear()
  }
}
