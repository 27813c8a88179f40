import { isUint8Array } from 'node:util/types'
import { Worker } from 'node:worker_threads'
import { encodeFrame, readFrame } from '../frames.js'
import { FRAME_BYTES_MAX, OVERRUN_EXIT, type Request } from '../protocol.js'
import { Pending, startFailed } from './pending.js'
import type { AskOptions, Wall, WallAnswer, WallEnd } from './wall.js'

/** Three semi-spaces of 8 MB, as a process has them. */
const YOUNG_MB = 24

/**
 * A thread of the host around a program: the same child, which bytes reach by being handed over.
 *
 * It protects against mistakes in authority, not against crashes: V8 aborts the whole host where a single large
 * allocation fails, and some long built-in operations cannot be interrupted. One that is not is left to itself.
 */
export class ThreadWall implements Wall {
  readonly #worker: Worker
  readonly #pending = new Pending((why) => this.kill(why))
  #gone: WallEnd | 'untouched' | undefined

  /** Starts a thread. Throws TRANSFORM_START_FAILED. */
  static async open(memoryMb: number): Promise<Wall> {
    const { childSource } = await import('../child.generated.js')
    try {
      return new ThreadWall(memoryMb, childSource())
    } catch (error) {
      throw startFailed(error) // the host's own permission model can forbid it
    }
  }

  private constructor(memoryMb: number, source: string) {
    this.#worker = new Worker(source, {
      eval: true,
      execArgv: [], // else the host's preloads run there
      env: {},
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: YOUNG_MB },
    })
    this.#worker.on('message', (frame: unknown) => this.#message(frame))
    this.#worker.on('messageerror', () => this.kill('crashed'))
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_INIT_FAILED') this.#pending.fail(startFailed(error))
      this.#end(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'crashed')
    })
    this.#worker.on('exit', (code) => this.#end(code === OVERRUN_EXIT ? 'timeout' : 'crashed'))
    this.#worker.unref()
  }

  get alive(): boolean {
    return this.#gone === undefined
  }

  async ask(request: Request, body: Uint8Array, options: AskOptions): Promise<WallAnswer> {
    if (!this.alive) return { end: 'untouched' }
    const send = (): void => {
      this.#worker.ref()
      const parts = encodeFrame(request, body)
      const frame = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
      let at = 0
      for (const part of parts) {
        frame.set(part, at)
        at += part.length
      }
      this.#worker.postMessage(frame, [frame.buffer])
    }
    return this.#pending.ask(options, send).finally(() => {
      if (this.#pending.size === 0) this.#worker.unref()
    })
  }

  /** Does not wait for the thread, which may never hear of it. */
  kill(why: WallEnd | 'untouched'): void {
    this.#end(why)
    void this.#worker.terminate()
    this.#worker.unref() // which `terminate` undoes
  }

  #message(frame: unknown): void {
    const read = this.#pending.size > 0 && isUint8Array(frame) ? readWhole(frame) : undefined
    if (read) this.#pending.settle({ end: 'answered', frame: read })
    else this.kill('crashed')
  }

  #end(why: WallEnd | 'untouched'): void {
    this.#gone ??= why
    this.#pending.end({ end: this.#gone })
  }
}

const readWhole = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  readFrame(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength), FRAME_BYTES_MAX)
