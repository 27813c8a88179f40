import type { Frame } from '../frames.js'
import type { Request } from '../protocol.js'

/** Why there is no answer. */
export type WallEnd = 'timeout' | 'memory' | 'crashed'

export type WallAnswer = { readonly end: 'answered'; readonly frame: Frame } | { readonly end: WallEnd }

export interface AskOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** What stands between a program and the host: takes one request at a time, and does not survive a passed deadline. */
export interface Wall {
  /** False once it has ended, or is about to. */
  readonly alive: boolean
  /** The answer, or how the program's side ended instead. Throws TRANSFORM_START_FAILED, ABORTED. */
  ask(request: Request, body: Uint8Array, options: AskOptions): Promise<WallAnswer>
  /** Ends the program's side; a request that waits is answered with `why`. */
  kill(why: WallEnd): void
}
