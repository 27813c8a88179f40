/** A frame: its length, the length of its header, the header as JSON, the body. Lengths are 32 bits, little endian. */
export function encodeFrame(header: object, body: Uint8Array): readonly Uint8Array[] {
  const head = Buffer.from(JSON.stringify(header))
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32LE(4 + head.length + body.length, 0)
  lengths.writeUInt32LE(head.length, 4)
  return [lengths, head, body]
}

export interface Frame {
  readonly header: unknown
  readonly body: Buffer
}

/** Puts frames together from the chunks of a pipe. What stands in a frame is trusted no further than its sizes. */
export class FrameReader {
  readonly #sizeMax: number
  #chunks: Buffer[] = []
  #size = 0

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** True while a frame is on its way. */
  get started(): boolean {
    return this.#size > 0
  }

  /** The frame that `chunk` completes; `null` for one that is larger than allowed, or is none. */
  add(chunk: Buffer): Frame | null | undefined {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size < 8) return undefined
    const [first] = this.#chunks
    const start = first !== undefined && first.length >= 8 ? first : Buffer.concat(this.#chunks)
    const size = start.readUInt32LE(0)
    const headerSize = start.readUInt32LE(4)
    if (size > this.#sizeMax || headerSize + 4 > size || this.#size > size + 4) return null
    if (this.#size < size + 4) return undefined
    const all = Buffer.concat(this.#chunks)
    this.#chunks = []
    this.#size = 0
    try {
      const header: unknown = JSON.parse(all.toString('utf8', 8, 8 + headerSize))
      return { header, body: all.subarray(8 + headerSize) }
    } catch {
      return null
    }
  }
}
