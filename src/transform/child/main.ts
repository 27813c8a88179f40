/** The process or thread around a sandbox: how bytes come and go, and a watchdog for the case that no host is left. */
import { readSync, writeSync } from 'node:fs'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { FRAME_BYTES_MAX, OVERRUN_EXIT } from '../protocol.js'
import { boltOwnRealm } from './own-realm.js'
import { Sandbox } from './sandbox.js'

/** The text of realm.ts; put here by childSource of child.generated.ts. */
declare const REALM_SOURCE: string

const INPUT_FD = 3
const OUTPUT_FD = 4

function fill(into: Buffer, from: number): Buffer {
  for (let at = from; at < into.length; ) {
    const got = readSync(INPUT_FD, into, at, into.length - at, null)
    if (got === 0) process.exit(0) // the host is gone, or has closed us
    at += got
  }
  return into
}

function readFrame(): Buffer {
  const length = fill(Buffer.alloc(4), 0)
  const size = length.readUInt32LE(0)
  if (size > FRAME_BYTES_MAX) throw new RangeError('a frame that is too large')
  const frame = Buffer.allocUnsafe(4 + size)
  length.copy(frame)
  return fill(frame, 4)
}

function answer(frame: Buffer): Buffer {
  return sandbox.answer(frame) ?? process.exit(OVERRUN_EXIT)
}

/** One request a turn: between them Node forgets the promises that the program dropped, which it would keep for ever. */
function serveProcess(): void {
  const frame = answer(readFrame())
  for (let at = 0; at < frame.length; ) at += writeSync(OUTPUT_FD, frame, at)
  setImmediate(serveProcess)
}

function serveThread(port: MessagePort): void {
  port.on('message', (frame: Uint8Array) => {
    const made = answer(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength))
    port.postMessage(made, [made.buffer as ArrayBuffer])
  })
}

process.on('unhandledRejection', () => undefined) // a promise that the program dropped is its own affair

const sandbox = new Sandbox(REALM_SOURCE)
boltOwnRealm()
if (parentPort === null) serveProcess()
else serveThread(parentPort)
