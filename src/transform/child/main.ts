/** The process or thread around a sandbox: how bytes come and go, and a watchdog for the case that no host is left. */
import { readSync, writevSync } from 'node:fs'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { FRAME_BYTES_MAX, OVERRUN_EXIT } from '../protocol.js'
import { boltOwnRealm } from './own-realm.js'
import { Sandbox } from './sandbox.js'

/** The text of realm.ts; put here by childSource of child.generated.ts. */
declare const REALM_SOURCE: string

const INPUT_FD = 3
const OUTPUT_FD = 4

/** Of the memory for requests: what is larger is not kept. */
const KEPT_MAX = 2 ** 20

let memory = Buffer.allocUnsafeSlow(2 ** 18)

function fill(into: Buffer, from: number): Buffer {
  for (let at = from; at < into.length; ) {
    const got = readSync(INPUT_FD, into, at, into.length - at, null)
    if (got === 0) process.exit(0) // the host is gone, or has closed us
    at += got
  }
  return into
}

/** Good until the next is read: its memory is used again, so that a page costs the kernel none. */
function readFrame(): Buffer {
  const length = fill(memory.subarray(0, 4), 0)
  const size = length.readUInt32LE(0)
  if (size > FRAME_BYTES_MAX) throw new RangeError('a frame that is too large')
  const frame = 4 + size <= memory.length ? memory : Buffer.allocUnsafeSlow(4 + size)
  if (frame.length <= KEPT_MAX) memory = frame
  frame.writeUInt32LE(size, 0)
  return fill(frame.subarray(0, 4 + size), 4)
}

function answer(frame: Buffer): readonly Uint8Array[] {
  return sandbox.answer(frame) ?? process.exit(OVERRUN_EXIT)
}

function write(parts: readonly Uint8Array[]): void {
  for (let left = parts; left.length > 0; ) {
    let written = writevSync(OUTPUT_FD, left)
    left = left.flatMap((part) => {
      const rest = part.subarray(Math.min(written, part.length))
      written -= part.length - rest.length
      return rest.length === 0 ? [] : [rest]
    })
  }
}

/** One request a turn: between them Node forgets the promises that the program dropped, which it would keep for ever. */
function serveProcess(): void {
  write(answer(readFrame()))
  setImmediate(serveProcess)
}

/** In memory of its own and not of Node's pool: it is handed over whole. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const frame = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    frame.set(part, at)
    at += part.length
  }
  return frame
}

function serveThread(port: MessagePort): void {
  port.on('message', (frame: Uint8Array) => {
    const made = joined(answer(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)))
    port.postMessage(made, [made.buffer as ArrayBuffer])
  })
}

process.on('unhandledRejection', () => undefined) // a promise that the program dropped is its own affair

const sandbox = new Sandbox(REALM_SOURCE)
boltOwnRealm()
if (parentPort === null) serveProcess()
else serveThread(parentPort)
