/**
 * A program's realm, and the way in and out of it: a frame in, a frame out.
 *
 * The program runs in a second realm without any of Node's globals, which strings alone enter and leave, and which has
 * its own queue of microtasks: so the time limit of one evaluation covers promises too, and what is pending after it can
 * never settle.
 */
import { type Context, constants, createContext, Script } from 'node:vm'
import type { Request } from '../protocol.js'
import type { Body } from './columns.js'
import { piecesOf } from './pieces.js'
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
   * The parts of the frame that answers `frame`, which is changed, good until the next is asked for; `undefined` where the program ran past the request's `limitMs`: what is left of the
   * realm is good for nothing then. Throws where a fault of ours, or memory, ended it.
   */
  answer(frame: Buffer): readonly Uint8Array[] | undefined {
    const start = 8 + frame.readUInt32LE(4)
    const header = frame.toString('utf8', 8, start)
    const { limitMs } = JSON.parse(header) as Request
    this.#realm.begin(header)
    for (const piece of piecesOf(frame.subarray(start))) this.#realm.add(piece)
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

/** A text of the header, and what follows it, as the parts of a frame. */
function framed(header: string, body: Body | undefined): readonly Uint8Array[] {
  const head = Buffer.from(header)
  const parts = body === undefined ? [] : partsOf(body)
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32LE(4 + head.length + parts.reduce((sum, part) => sum + part.length, 0), 0)
  lengths.writeUInt32LE(head.length, 4)
  return [lengths, head, ...parts]
}

function partsOf({ numbers, identifiers, payload }: Body): readonly Uint8Array[] {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(identifiers.length, 0)
  return [Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength), size, identifiers, payload]
}
