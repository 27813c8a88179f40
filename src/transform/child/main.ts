/**
 * The child process: frames in, frames out, and a watchdog. The program itself runs in a second realm without any of
 * Node's globals, which strings alone enter and leave, and which has its own queue of microtasks: so the time limit of
 * one evaluation covers promises too, and what is pending after it can never settle.
 */
import { readSync, writeSync } from 'node:fs'
import { constants, createContext, Script } from 'node:vm'
import { OVERRUN_EXIT, type Request } from '../protocol.js'
import { boltOwnRealm } from './own-realm.js'
import type { Realm } from './realm.js'

/** The text of realm.ts, bundled with SES and acorn; put here by scripts/build-child.ts. */
declare const REALM_SOURCE: string

const INPUT_FD = 3
const OUTPUT_FD = 4

function readExactly(size: number): Buffer {
  const into = Buffer.allocUnsafe(size)
  for (let at = 0; at < size; ) {
    const got = readSync(INPUT_FD, into, at, size - at, null)
    if (got === 0) process.exit(0) // the host is gone, or has closed us
    at += got
  }
  return into
}

/** A frame: its length, the length of its header, the header as JSON, the body. */
function readFrame(): { header: string; body: Buffer } {
  const all = readExactly(readExactly(4).readUInt32LE(0))
  const start = 4 + all.readUInt32LE(0)
  return { header: all.toString('utf8', 4, start), body: all.subarray(start) }
}

function writeFrame(header: string, lengths: Uint32Array, payload: Buffer): void {
  const head = Buffer.from(header)
  const lengthBytes = Buffer.from(lengths.buffer, lengths.byteOffset, lengths.byteLength)
  const frame = Buffer.alloc(8)
  frame.writeUInt32LE(4 + head.length + lengthBytes.length + payload.length, 0)
  frame.writeUInt32LE(head.length, 4)
  const all = Buffer.concat([frame, head, lengthBytes, payload])
  for (let at = 0; at < all.length; ) at += writeSync(OUTPUT_FD, all, at)
}

function answer(header: string, payloads: readonly string[]): void {
  const text = payloads.join('')
  const bytes = Buffer.from(text)
  const ascii = bytes.length === text.length
  writeFrame(
    header,
    Uint32Array.from(payloads, (one) => (ascii ? one.length : Buffer.byteLength(one))),
    bytes,
  )
}

process.on('unhandledRejection', () => undefined) // a promise that the program dropped is its own affair

const context = createContext(constants.DONT_CONTEXTIFY as unknown as object, { microtaskMode: 'afterEvaluate' })
new Script(REALM_SOURCE, { filename: 'lakeloop:realm' }).runInContext(context)
const realm = new Script('lakeloopRealm').runInContext(context) as Realm
const step = new Script('lakeloopRealm.step()')

/** Works until nothing is left to do. The watchdog is for the case that no host is left to stop a program. */
function work(limitMs: number): void {
  try {
    do step.runInContext(context, { timeout: limitMs })
    while (realm.stalled())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') process.exit(OVERRUN_EXIT)
    throw error
  }
}

/** One request a turn: between them Node forgets the promises that the program dropped, which it would keep for ever. */
function serve(): void {
  const { header, body } = readFrame()
  const { limitMs } = JSON.parse(header) as Request
  realm.begin(header, body.toString())
  work(limitMs)
  const { header: text, payloads } = realm.take()
  answer(text, payloads)
  setImmediate(serve)
}

boltOwnRealm()
serve()
