import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LakeloopError } from '../../errors.js'
import { copyBytes, lastAddressAt, type Place, sizeOf, viewOf, writeRecord } from './record.js'
import { release } from './release.js'

/** Bytes of a block; the first ones of a stream are shorter, and a record that is longer has a block of its own. */
const BLOCK_BYTES = 16 * 1_024
const BLOCK_BYTES_LEAST = 1_024
/** Bytes that are kept in memory before the disk is used, and that are written at once. */
const MEMORY_BYTES = 2 * 2 ** 20
/** A block begins at a multiple of the cipher's own. */
const CIPHER_BYTES = 16

/** Fewer than any system takes at once. */
const PARTS_PER_WRITE = 512

const roomOf = (size: number): number => Math.ceil(size / CIPHER_BYTES) * CIPHER_BYTES

interface Block {
  /** Where it stands in the file; -1: in memory. */
  readonly at: number
  readonly size: number
  readonly bytes: Buffer | undefined
}

/**
 * Records sorted into streams as they come, each read in the order it was written: in memory while they are few, else in a
 * file that is encrypted with a key of this process and has no name, so that it is gone with the process.
 *
 * Throws  LIST_SPOOL where the file cannot be kept.
 * Cost    one open block per stream, and what waits to be written.
 */
export class Spool {
  readonly #directory: string
  readonly #streams: Block[][]
  readonly #open: (Buffer | undefined)[]
  readonly #views: DataView[] = []
  readonly #used: Int32Array
  /** Full blocks that are on no disk yet, by stream. */
  #full: { readonly stream: number; readonly bytes: Buffer; readonly size: number }[] = []
  #fullBytes = 0
  #bytes = 0
  readonly #spare: Buffer[] = []
  readonly #key = randomBytes(32)
  #file: FileHandle | undefined
  #path: string | undefined
  #end = 0
  #writing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(directory: string, streams: number) {
    this.#directory = directory
    this.#streams = Array.from({ length: streams }, () => [])
    this.#open = new Array<Buffer | undefined>(streams).fill(undefined)
    this.#used = new Int32Array(streams)
  }

  /** Bytes of all streams. */
  get bytes(): number {
    return this.#bytes
  }

  add(stream: number, place: Place, mark = 0): void {
    const bytes = Buffer.allocUnsafe(sizeOf(place.address, place.claimant))
    const view = viewOf(bytes)
    this.copy(stream, view, 0, writeRecord(bytes, view, 0, place, mark))
  }

  /** Appends a record as it stands. */
  copy(stream: number, from: DataView, begin: number, end: number): void {
    const at = this.reserve(stream, end - begin)
    copyBytes(from, begin, end, this.viewOf(stream), at)
  }

  /** Appends `size` bytes to a stream, to be written at once. Gives where they begin in its view. */
  reserve(stream: number, size: number): number {
    const at = this.#used[stream] as number
    this.#bytes += size
    const open = this.#open[stream]
    if (open !== undefined && at + size <= open.length) {
      this.#used[stream] = at + size
      return at
    }
    this.#next(stream, size)
    this.#used[stream] = size
    return 0
  }

  viewOf(stream: number): DataView {
    return this.#views[stream] as DataView
  }

  /** Brings what waits to the disk, where that is much. Awaited now and then while records are added; not while they are read. */
  async flush(): Promise<void> {
    if (this.#fullBytes < MEMORY_BYTES) return
    const full = this.#full
    this.#full = []
    this.#fullBytes = 0
    const from = this.#end
    const cipher = this.#cipher(createCipheriv, from)
    const secret = full.map(({ stream, bytes, size }) => {
      this.#streams[stream]?.push({ at: this.#end, size, bytes: undefined })
      this.#end += roomOf(size)
      if (bytes.length === BLOCK_BYTES) this.#spare.push(bytes)
      return cipher.update(bytes.subarray(0, roomOf(size)))
    })
    await this.#writing // one write is under way while the next records are added
    this.#writing = this.#write(await this.#opened(), secret, from)
    this.#writing.catch(() => undefined) // told by whoever waits for it next
  }

  /**
   * The records of a stream, in pieces of about `pieceBytes`: records of one address that follow one another are in one piece.
   * Nothing is added meanwhile.
   */
  async *read(stream: number, pieceBytes: number): AsyncGenerator<Buffer> {
    let open: Buffer = Buffer.alloc(0)
    for await (const piece of this.#pieces(stream, pieceBytes)) {
      const last = lastAddressAt(viewOf(open))
      if (last > 0) yield open.subarray(0, last)
      open = Buffer.concat([open.subarray(last), piece])
    }
    if (open.length > 0) yield open
  }

  async *#pieces(stream: number, pieceBytes: number): AsyncGenerator<Buffer> {
    let blocks: Block[] = []
    let size = 0
    for (const block of this.#blocks(stream)) {
      if (size > 0 && size + block.size > pieceBytes) {
        yield await this.#piece(blocks, size)
        blocks = []
        size = 0
      }
      blocks.push(block)
      size += block.size
    }
    if (size > 0) yield await this.#piece(blocks, size)
  }

  /** Bytes of streams. */
  size(streams: readonly number[]): number {
    return streams.reduce((sum, stream) => sum + this.#blocks(stream).reduce((all, { size }) => all + size, 0), 0)
  }

  /** Reads whole streams, one behind the other, to a place in `target`. */
  async readInto(streams: readonly number[], target: Buffer, at: number): Promise<void> {
    await this.#fill(
      target,
      at,
      streams.flatMap((stream) => this.#blocks(stream)),
    )
  }

  /** Idempotent. What was on the disk is gone. */
  async close(): Promise<void> {
    const file = this.#file
    this.#closed = true
    this.#file = undefined
    await this.#writing.catch(() => undefined)
    await file?.close()
    if (this.#path !== undefined) await rm(this.#path, { force: true })
  }

  /** A new block of a stream, for at least `size` bytes. */
  #next(stream: number, size: number): void {
    const open = this.#open[stream]
    if (open !== undefined) {
      this.#full.push({ stream, bytes: open, size: this.#used[stream] as number })
      this.#fullBytes += open.length
    }
    const next = this.#block(Math.min(BLOCK_BYTES, (open?.length ?? 0) * 4), size)
    this.#open[stream] = next
    this.#views[stream] = viewOf(next)
  }

  #block(wanted: number, least: number): Buffer {
    const spare = wanted === BLOCK_BYTES && least <= wanted ? this.#spare.pop() : undefined
    const size = Math.max(BLOCK_BYTES_LEAST, wanted, Math.ceil(least / CIPHER_BYTES) * CIPHER_BYTES)
    return spare ?? Buffer.allocUnsafeSlow(size)
  }

  #blocks(stream: number): Block[] {
    const waiting = this.#full
      .filter((one) => one.stream === stream)
      .map(({ bytes, size }) => ({ at: -1, size, bytes }))
    const size = this.#used[stream] as number
    const open = size === 0 ? [] : [{ at: -1, size, bytes: this.#open[stream] }]
    return [...(this.#streams[stream] ?? []), ...waiting, ...open]
  }

  async #piece(blocks: readonly Block[], size: number): Promise<Buffer> {
    const piece = Buffer.allocUnsafe(size)
    await this.#fill(piece, 0, blocks)
    return piece
  }

  async #fill(target: Buffer, from: number, blocks: readonly Block[]): Promise<void> {
    await this.#writing
    const reads: Promise<void>[] = []
    let at = from
    for (const block of blocks) {
      if (block.bytes === undefined) reads.push(this.#readBlock(target, at, block))
      else block.bytes.copy(target, at, 0, block.size)
      at += block.size
    }
    await Promise.all(reads)
  }

  async #readBlock(target: Buffer, at: number, block: Block): Promise<void> {
    const file = await this.#opened()
    for (let done = 0; done < block.size; ) {
      const { bytesRead } = await this.#asked(file.read(target, at + done, block.size - done, block.at + done))
      if (bytesRead === 0) throw new LakeloopError('LIST_SPOOL', { problem: 'it ends before what was written' })
      done += bytesRead
    }
    this.#cipher(createDecipheriv, block.at)
      .update(target.subarray(at, at + block.size))
      .copy(target, at)
  }

  async #write(file: FileHandle, parts: readonly Buffer[], from: number): Promise<void> {
    let at = from
    for (let left = [...parts]; left.length > 0; ) {
      let { bytesWritten } = await this.#asked(file.writev(left.slice(0, PARTS_PER_WRITE), at))
      at += bytesWritten
      // A disk that is nearly full takes a part and says so.
      while (left[0] !== undefined && bytesWritten >= left[0].length) bytesWritten -= (left.shift() as Buffer).length
      if (left[0] !== undefined) left = [left[0].subarray(bytesWritten), ...left.slice(1)]
    }
    release(parts)
  }

  /** No two bytes of the file meet the same part of the keystream: it counts with the place, and nothing is overwritten. */
  #cipher(make: typeof createCipheriv | typeof createDecipheriv, at: number) {
    const counter = Buffer.alloc(CIPHER_BYTES)
    counter.writeBigUInt64BE(BigInt(at / CIPHER_BYTES), 8)
    return make('aes-256-ctr', this.#key, counter)
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file
    if (this.#closed) throw new LakeloopError('LIST_SPOOL', { problem: 'it was read to its end, or closed, before' })
    const path = join(this.#directory, `lakeloop-lists-${randomBytes(8).toString('hex')}`)
    const file = await this.#asked(open(path, 'wx+', 0o600))
    this.#file = file
    this.#path = await rm(path).then(
      () => undefined,
      () => path, // Windows keeps the name of an open file
    )
    return file
  }

  /** What a file system says has the path in it, and no remedy. */
  async #asked<T>(work: Promise<T>): Promise<T> {
    return await work.catch((error: unknown) => {
      const { code = 'an error' } = error as { readonly code?: string }
      throw new LakeloopError('LIST_SPOOL', { problem: code }, error)
    })
  }
}
