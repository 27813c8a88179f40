/**
 * A program's realm, and the way in and out of it: a frame in, a frame out.
 *
 * The program runs in a second realm without any of Node's globals, which strings alone enter and leave, and which has
 * its own queue of microtasks: so the time limit of one evaluation covers promises too, and what is pending after it can
 * never settle.
 */
import { type Context, constants, createContext, Script } from 'node:vm'
import { COLUMN_COUNT, COLUMNS, type Request } from '../protocol.js'
import type { Body } from './columns.js'
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
    return framed(answer.header, answer.body)
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

/** A text of the header, and what follows it, as a frame of its own memory and not of Node's pool: a thread hands it over whole. */
function framed(header: string, body: Body | undefined): Buffer {
  const head = Buffer.from(header)
  const parts = body === undefined ? [] : bytesOf(body)
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  const frame = Buffer.allocUnsafeSlow(8 + head.length + size)
  frame.writeUInt32LE(frame.length - 4, 0)
  frame.writeUInt32LE(head.length, 4)
  frame.set(head, 8)
  let at = 8 + head.length
  for (const part of parts) {
    frame.set(part, at)
    at += part.length
  }
  return frame
}

function bytesOf({ numbers, identifiers, payloads }: Body): Buffer[] {
  const text = payloads.join('')
  const payload = Buffer.from(text)
  if (payload.length !== text.length) {
    for (const [nth, one] of payloads.entries()) numbers[nth * COLUMN_COUNT + COLUMNS.size] = Buffer.byteLength(one)
  }
  const named = Buffer.from(identifiers)
  const size = Buffer.alloc(4)
  size.writeUInt32LE(named.length, 0)
  return [Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength), size, named, payload]
}
