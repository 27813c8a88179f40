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

/** Of a header: four times what a slice makes, and few enough that as JSON they take neither the host's memory nor its time. */
const HEADER_BYTES_MAX = 16 * 2 ** 20
/** An open bracket costs a parser forty bytes and more: a header of nothing else would. Data may be 100 deep. */
const DEPTH_MAX = 200
/** Below this not worth a look. */
const SHALLOW_BYTES = 2 ** 18

/** Puts frames together from the chunks of a pipe. What stands in a frame is trusted no further than its sizes. */
export class FrameReader {
  readonly #sizeMax: number
  #chunks: Buffer[] = []
  #size = 0

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** Bytes so far of a frame that is on its way. */
  get size(): number {
    return this.#size
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
    if (size > this.#sizeMax || headerSize > HEADER_BYTES_MAX || headerSize + 4 > size) return null
    if (this.#size > size + 4) return null
    if (this.#size < size + 4) return undefined
    const all = Buffer.concat(this.#chunks)
    this.#chunks = []
    this.#size = 0
    if (headerSize > SHALLOW_BYTES && isDeep(all.subarray(8, 8 + headerSize))) return null
    try {
      const header: unknown = JSON.parse(all.toString('utf8', 8, 8 + headerSize))
      return { header, body: all.subarray(8 + headerSize) }
    } catch {
      return null
    }
  }
}

/** Whether a text of JSON is nested deeper than ours ever is. */
function isDeep(json: Uint8Array): boolean {
  let depth = 0
  let inText = false
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at]
    if (inText) {
      if (byte === 0x5c) at += 1
      else if (byte === 0x22) inText = false
    } else if (byte === 0x22) inText = true
    else if (byte === 0x5b || byte === 0x7b) depth += 1
    else if (byte === 0x5d || byte === 0x7d) depth -= 1
    if (depth > DEPTH_MAX) return true
  }
  return false
}
