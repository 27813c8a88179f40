import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { encodeFrame, FrameReader } from '../frames.js'
import { FRAME_BYTES_MAX, OVERRUN_EXIT, type Request } from '../protocol.js'
import { Pending, startFailed } from './pending.js'
import { ResidentWatch } from './resident.js'
import type { AskOptions, Wall, WallAnswer, WallEnd } from './wall.js'

/**
 * Reads the child's code from fd 3 and runs it: a command line cannot hold it, and a file of our own would be lost when
 * the host is bundled. Ends with the pipe.
 */
const BOOT = `'use strict';for(const s of ['SIGINT','SIGTERM'])process.on(s,()=>{});const f=require('node:fs');const take=(n)=>{const b=Buffer.alloc(n);for(let a=0;a<n;){const g=f.readSync(3,b,a,n-a,null);if(g===0)process.exit(0);a+=g}return b};
const text=()=>take(take(4).readUInt32LE(0)).latin1Slice();require('node:vm').runInThisContext('(function(require,REALM_SOURCE){'+text()+'\\n})',{filename:'lakeloop:child'})(require,text())`

/** No file, process, worker or addon is allowed. Source: Node's permission model; the flag lost its prefix in 22.13. */
const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'

/**
 * What keeps an idle child small: a page of a thousand rows fits into a young generation of 2 MB many times, one thread beside
 * compiles and collects, and what is freed goes back to the system, also of that thread (glibc; others read no such names).
 */
const MEMORY_FLAGS = ['--max-semi-space-size=2', '--v8-pool-size=1']
const MEMORY_ENV = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' }

/** How V8 ends when memory runs out: abort or trap; 134 is abort where signals are not passed on. */
const MEMORY_SIGNALS = new Set<string | number | null>(['SIGABRT', 'SIGTRAP', 'SIGILL', 134, 133])

/**
 * A child process around a program: one request after the other, the next one in its pipe already; a deadline for each, SIGKILL
 * where it is passed, or where memory outside of the heap grows without end (on Linux).
 *
 * It holds the host open only while a request waits, and ends by itself when the host is gone.
 */
export class ProcessWall implements Wall {
  readonly #child: ChildProcess
  readonly #to: Socket
  readonly #from: Socket
  readonly #reader = new FrameReader(FRAME_BYTES_MAX)
  readonly #pending = new Pending(
    (why) => this.kill(why),
    () => this.#reader.size,
  )
  readonly #resident: ResidentWatch
  #killed: WallEnd | 'untouched' | undefined
  #gone: WallEnd | 'untouched' | undefined

  /** Starts a process. The code of the child is loaded here and not with us: half of the package is it. */
  static async open(memoryMb: number): Promise<Wall> {
    const { SHELL_SOURCE, REALM_SOURCE } = await import('../child.generated.js')
    return new ProcessWall(memoryMb, [SHELL_SOURCE, REALM_SOURCE])
  }

  private constructor(memoryMb: number, sources: readonly string[]) {
    const memory = [`--max-old-space-size=${memoryMb}`, ...MEMORY_FLAGS]
    this.#child = spawn(process.execPath, [PERMISSION, '--no-warnings', ...memory, '-e', BOOT], {
      env: { TZ: 'UTC', ...MEMORY_ENV },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      windowsHide: true,
    })
    this.#resident = new ResidentWatch(this.#child.pid ?? 0, memoryMb, () => this.kill('memory'))
    this.#to = this.#child.stdio[3] as Socket
    this.#from = this.#child.stdio[4] as Socket
    // A child that dies takes its pipes with it: `exit` tells why.
    this.#to?.on('error', () => undefined)
    this.#from?.on('error', () => undefined)
    this.#from?.on('data', (chunk: Buffer) => this.#data(chunk))
    this.#child.on('error', (error) => {
      this.#gone = 'crashed'
      this.#pending.fail(startFailed(error))
    })
    this.#child.on('close', (code, signal) => this.#closed(code, signal))
    for (const source of sources) {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(source.length, 0)
      this.#to?.write(length)
      this.#to?.write(source, 'latin1') // they are ASCII: see scripts/build-child.ts
    }
    this.#hold(false)
  }

  get alive(): boolean {
    return this.#gone === undefined && this.#killed === undefined
  }

  async ask(request: Request, body: Uint8Array, options: AskOptions): Promise<WallAnswer> {
    if (!this.alive) return { end: 'untouched' }
    const send = (): void => {
      if (this.#pending.size === 1) this.#work(true)
      this.#to.cork()
      for (const part of encodeFrame(request, body)) this.#to.write(part)
      this.#to.uncork()
    }
    return this.#pending.ask(options, send).finally(() => {
      if (this.#pending.size === 0) this.#work(false)
    })
  }

  kill(why: WallEnd | 'untouched'): void {
    this.#killed ??= why
    this.#child.kill('SIGKILL')
  }

  #data(chunk: Buffer): void {
    if (this.#killed !== undefined) return // who is at fault is known
    const frames = this.#pending.size > 0 ? this.#reader.add(chunk) : undefined
    const surplus = this.#pending.size - (frames?.length ?? 0)
    if (frames === undefined || surplus < 0 || (surplus === 0 && this.#reader.size > 0))
      this.kill('crashed') // bytes that are no answer to anything
    else for (const frame of frames) this.#pending.settle({ end: 'answered', frame })
  }

  #closed(code: number | null, signal: NodeJS.Signals | null): void {
    const isMemory = MEMORY_SIGNALS.has(signal) || MEMORY_SIGNALS.has(code)
    const end = this.#killed ?? (code === OVERRUN_EXIT ? 'timeout' : isMemory ? 'memory' : 'crashed')
    this.#gone = end
    this.#pending.end({ end })
  }

  #work(isBusy: boolean): void {
    if (isBusy) this.#resident.start()
    else this.#resident.stop()
    this.#hold(isBusy)
  }

  #hold(open: boolean): void {
    for (const part of [this.#child, this.#to, this.#from]) {
      if (open) part?.ref()
      else part?.unref()
    }
  }
}
