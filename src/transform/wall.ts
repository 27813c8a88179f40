import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { LakeloopError } from '../errors.js'
import { encodeFrame, type Frame, FrameReader } from './frames.js'
import { OVERRUN_EXIT, type Request } from './protocol.js'

/**
 * Reads the child's code from fd 3 and runs it: a command line cannot hold it, and a file of our own would be lost when
 * the host is bundled. Ends with the pipe.
 */
const BOOT = `'use strict';const f=require('node:fs');const take=(n)=>{const b=Buffer.alloc(n);for(let a=0;a<n;){const g=f.readSync(3,b,a,n-a,null);if(g===0)process.exit(0);a+=g}return b};
const code=take(take(4).readUInt32LE(0)).toString();require('node:vm').runInThisContext('(function(require){'+code+'\\n})',{filename:'lakeloop:child'})(require)`

/** No file, process, worker or addon is allowed. Source: Node's permission model; the flag lost its prefix in 22.13. */
const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'

const ANSWER_BYTES_MAX = 128 * 2 ** 20
/** An answer that is on its way at the deadline may come to its end, as long as more of it is there at every look. */
const LOOK_MS = 200
const LOOKS_MAX = 150
/** How V8 ends when memory runs out: abort or trap; 134 is abort where signals are not passed on. */
const MEMORY_SIGNALS = new Set<string | number | null>(['SIGABRT', 'SIGTRAP', 'SIGILL', 134, 133])

/** Why there is no answer. */
export type WallEnd = 'timeout' | 'memory' | 'crashed'

export type WallAnswer = { readonly end: 'answered'; readonly frame: Frame } | { readonly end: WallEnd }

interface Pending {
  readonly settle: (answer: WallAnswer) => void
  readonly fail: (error: unknown) => void
  timer: NodeJS.Timeout | undefined
}

/**
 * A child process around a program: one request at a time, a deadline for each, SIGKILL where it is passed.
 *
 * It holds the host open only while a request waits, and ends by itself when the host is gone.
 */
export class Wall {
  readonly #child: ChildProcess
  readonly #to: Socket
  readonly #from: Socket
  readonly #reader = new FrameReader(ANSWER_BYTES_MAX)
  #pending: Pending | undefined
  #killed: WallEnd | undefined
  #gone: WallEnd | undefined

  /** Starts a process. The code of the child is loaded here and not with us: half of the package is it. */
  static async open(memoryMb: number): Promise<Wall> {
    const { CHILD_SOURCE } = await import('./child.generated.js')
    return new Wall(memoryMb, CHILD_SOURCE)
  }

  private constructor(memoryMb: number, source: string) {
    const memory = [`--max-old-space-size=${memoryMb}`, '--max-semi-space-size=8']
    this.#child = spawn(process.execPath, [PERMISSION, '--no-warnings', ...memory, '-e', BOOT], {
      env: { TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      windowsHide: true,
    })
    this.#to = this.#child.stdio[3] as Socket
    this.#from = this.#child.stdio[4] as Socket
    // A child that dies takes its pipes with it: `exit` tells why.
    this.#to?.on('error', () => undefined)
    this.#from?.on('error', () => undefined)
    this.#from?.on('data', (chunk: Buffer) => this.#data(chunk))
    this.#child.on('error', (error) => {
      this.#gone = 'crashed'
      this.#settle((pending) => pending.fail(startFailed(error)))
    })
    this.#child.on('close', (code, signal) => this.#closed(code, signal))
    const code = Buffer.from(source)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(code.length, 0)
    this.#to?.write(length)
    this.#to?.write(code)
    this.#hold(false)
  }

  /** False once the process is gone, or about to go. */
  get alive(): boolean {
    return this.#gone === undefined && this.#killed === undefined
  }

  /** The answer, or how the process ended instead. Throws TRANSFORM_START_FAILED, ABORTED. */
  ask(
    request: Request,
    body: Uint8Array,
    options: { timeoutMs: number; signal?: AbortSignal | undefined },
  ): Promise<WallAnswer> {
    const { timeoutMs, signal } = options
    if (signal?.aborted === true) return Promise.reject(new LakeloopError('ABORTED'))
    if (!this.alive) return Promise.resolve({ end: 'crashed' })
    const aborted = (): void => {
      this.#settle((pending) => pending.fail(new LakeloopError('ABORTED')))
      this.kill('crashed')
    }
    const answered = new Promise<WallAnswer>((settle, fail) => {
      this.#pending = { settle, fail, timer: undefined }
      this.#deadline(this.#pending, timeoutMs)
    })
    signal?.addEventListener('abort', aborted, { once: true })
    this.#hold(true)
    this.#to.cork()
    for (const part of encodeFrame(request, body)) this.#to.write(part)
    this.#to.uncork()
    return answered.finally(() => {
      signal?.removeEventListener('abort', aborted)
      this.#hold(false)
    })
  }

  /** Ends the process; a request that waits is answered with `why`. */
  kill(why: WallEnd): void {
    this.#killed ??= why
    this.#child.kill('SIGKILL')
  }

  #deadline(pending: Pending, ms: number, seen = 0, looks = 0): void {
    // A host that was busy itself reads its pipes first: an answer may be waiting there.
    pending.timer = setTimeout(() => setImmediate(() => this.#overdue(pending, seen, looks)), ms)
  }

  #overdue(pending: Pending, seen: number, looks: number): void {
    if (this.#pending !== pending) return
    const { size } = this.#reader
    if (size > seen && looks < LOOKS_MAX) this.#deadline(pending, LOOK_MS, size, looks + 1)
    else this.kill('timeout')
  }

  #data(chunk: Buffer): void {
    const frame = this.#pending === undefined ? null : this.#reader.add(chunk)
    if (frame === null)
      this.kill('crashed') // bytes that are no answer to anything
    else if (frame !== undefined) this.#settle((pending) => pending.settle({ end: 'answered', frame }))
  }

  #closed(code: number | null, signal: NodeJS.Signals | null): void {
    const isMemory = MEMORY_SIGNALS.has(signal) || MEMORY_SIGNALS.has(code)
    const end = this.#killed ?? (code === OVERRUN_EXIT ? 'timeout' : isMemory ? 'memory' : 'crashed')
    this.#gone = end
    this.#settle((pending) => pending.settle({ end }))
  }

  #settle(settle: (pending: Pending) => void): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    clearTimeout(pending.timer)
    settle(pending)
  }

  #hold(open: boolean): void {
    for (const part of [this.#child, this.#to, this.#from]) {
      if (open) part?.ref()
      else part?.unref()
    }
  }
}

function startFailed(error: Error): LakeloopError {
  const problem = (error as NodeJS.ErrnoException).code ?? error.name
  return new LakeloopError('TRANSFORM_START_FAILED', { problem }, error)
}
