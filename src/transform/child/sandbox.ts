/**
 * A program's realm, and the way in and out of it: a frame in, a frame out.
 *
 * The program runs in a second realm without any of Node's globals, which strings alone enter and leave, and which has
 * its own queue of microtasks: so the time limit of one evaluation covers promises too, and what is pending after it can
 * never settle.
 */
import { type Context, constants, createContext, Script } from 'node:vm'
import type { Request } from '../protocol.js'
import type { Realm } from './realm.js'

const step = new Script('lakeloopRealm.step()')

/** What is behind every wall, and knows nothing of it. */
export class Sandbox {
  readonly #context: Context
  readonly #realm: Realm

  /** Makes the realm of the text of realm.ts, bundled with SES and acorn. */
  constructor(source: string) {
    this.#context = createContext(constants.DONT_CONTEXTIFY as unknown as object, { microtaskMode: 'afterEvaluate' })
    new Script(source, { filename: 'lakeloop:realm' }).runInContext(this.#context)
    this.#realm = new Script('lakeloopRealm').runInContext(this.#context) as Realm
  }

  /**
   * The frame that answers `frame`; `undefined` where the program ran past the request's `limitMs`: what is left of the
   * realm is good for nothing then. Throws where a fault of ours, or memory, ended it.
   */
  answer(frame: Buffer): Buffer | undefined {
    const start = 8 + frame.readUInt32LE(4)
    const header = frame.toString('utf8', 8, start)
    const { limitMs } = JSON.parse(header) as Request
    this.#realm.begin(header, frame.toString('utf8', start))
    if (!this.#work(limitMs)) return undefined
    const answer = this.#realm.take()
    return framed(answer.header, answer.payloads)
  }

  /** Gives a rejected promise of the realm a listener. To be called while the realm is at work. */
  get heed(): (promise: Promise<unknown>) => void {
    return this.#realm.heed
  }

  /** Works until nothing is left to do. */
  #work(limitMs: number): boolean {
    const until = performance.now() + limitMs
    try {
      do step.runInContext(this.#context, { timeout: Math.max(1, Math.ceil(until - performance.now())) })
      while (this.#realm.stalled())
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false
      throw error
    }
  }
}

function framed(header: string, payloads: readonly string[]): Buffer {
  const head = Buffer.from(header)
  const text = payloads.join('')
  const body = Buffer.from(text)
  const isAscii = body.length === text.length
  const sizes = Uint32Array.from(payloads, (one) => (isAscii ? one.length : Buffer.byteLength(one)))
  const sizeBytes = Buffer.from(sizes.buffer, sizes.byteOffset, sizes.byteLength)
  // Of its own memory, and not of Node's pool: a thread hands it over whole.
  const frame = Buffer.allocUnsafeSlow(8 + head.length + sizeBytes.length + body.length)
  frame.writeUInt32LE(frame.length - 4, 0)
  frame.writeUInt32LE(head.length, 4)
  frame.set(head, 8)
  frame.set(sizeBytes, 8 + head.length)
  frame.set(body, 8 + head.length + sizeBytes.length)
  return frame
}
