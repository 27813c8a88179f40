import type { Frame } from '../frames.js'
import type { Request } from '../protocol.js'

/** Why there is no answer. */
export type WallEnd = 'timeout' | 'memory' | 'crashed'

/**
 * `untouched`: the wall ended over something else, before the program had seen the request, or while it worked on it without any
 * fault of its own. Nothing of it has happened, since no state outlives a batch: it is to be asked of another wall.
 */
export type WallAnswer =
  | { readonly end: 'answered'; readonly frame: Frame }
  | { readonly end: WallEnd }
  | { readonly end: 'untouched' }

export interface AskOptions {
  /** From when the request comes to the head of those that wait. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Called when the request comes to the head. */
  readonly begun?: (() => void) | undefined
}

/**
 * What stands between a program and the host, and does not survive a passed deadline.
 *
 * Order   requests may be asked for while others wait: they are worked on one by one, in the order of the calls. Where it ends,
 *         the request at the head gets why, and those behind it are `untouched`.
 */
export interface Wall {
  /** False once it has ended, or is about to. */
  readonly alive: boolean
  /** The answer, or how the program's side ended instead. Throws TRANSFORM_START_FAILED, ABORTED. */
  ask(request: Request, body: Uint8Array, options: AskOptions): Promise<WallAnswer>
  /** Ends the program's side; the request at the head is answered with `why`. */
  kill(why: WallEnd | 'untouched'): void
}
