import { setImmediate as turn } from 'node:timers/promises'
import { promiseHooks } from 'node:v8'
import { LakeloopError } from '../../errors.js'
import { Sandbox } from '../child/sandbox.js'
import { encodeFrame, readFrame } from '../frames.js'
import { FRAME_BYTES_MAX, type Request } from '../protocol.js'
import type { AskOptions, Wall, WallAnswer, WallEnd } from './wall.js'

/**
 * No wall: the program's realm in a context of the host's own thread, which stands still while a request is worked on.
 * The deadline is the time limit of the evaluation. Memory has no limit but the host's.
 */
export class NoWall implements Wall {
  readonly #sandbox: Sandbox
  #gone: WallEnd | 'untouched' | undefined

  /** Makes a realm, which stops the host for as long as SES takes to lock it down. */
  static async open(): Promise<Wall> {
    const { REALM_SOURCE } = await import('../child.generated.js')
    return new NoWall(new Sandbox(REALM_SOURCE))
  }

  private constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox
  }

  get alive(): boolean {
    return this.#gone === undefined
  }

  async ask(request: Request, body: Uint8Array, { timeoutMs, signal, begun }: AskOptions): Promise<WallAnswer> {
    await turn() // so that the host gets to its other work between two requests
    if (signal?.aborted === true) throw new LakeloopError('ABORTED')
    if (this.#gone !== undefined) return { end: 'untouched' }
    begun?.()
    const answer = this.#answer(Buffer.concat(encodeFrame({ ...request, limitMs: timeoutMs }, body)))
    if (answer.end !== 'answered') this.#gone = answer.end
    return answer
  }

  kill(why: WallEnd | 'untouched'): void {
    this.#gone ??= why
  }

  #answer(request: Buffer): WallAnswer {
    // What the program drops would end the host as an unhandled rejection, in a child it is nobody's.
    const unhook = promiseHooks.onSettled(this.#sandbox.heed)
    try {
      const answer = this.#sandbox.answer(request)
      if (answer === undefined) return { end: 'timeout' }
      const frame = readFrame(Buffer.concat(answer), FRAME_BYTES_MAX)
      return frame ? { end: 'answered', frame } : { end: 'crashed' }
    } catch {
      return { end: 'crashed' } // as a child would end over it
    } finally {
      unhook()
    }
  }
}
