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

  /** The frames that `chunk` completes; `undefined` where one is larger than allowed, or is none: then nothing more is to be read. */
  add(chunk: Buffer): readonly Frame[] | undefined {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    const frames: Frame[] = []
    while (this.#size >= 8) {
      const [first] = this.#chunks
      const start = first !== undefined && first.length >= 8 ? first : Buffer.concat(this.#chunks)
      const size = start.readUInt32LE(0)
      const headerSize = start.readUInt32LE(4)
      if (size > this.#sizeMax || headerSize > HEADER_BYTES_MAX || headerSize + 4 > size) return undefined
      if (this.#size < size + 4) break
      const frame = frameOf(this.#taken(size + 4), headerSize)
      if (frame === undefined) return undefined
      frames.push(frame)
    }
    return frames
  }

  /** The first bytes, in one piece; the rest stays. */
  #taken(size: number): Buffer {
    const [first = Buffer.alloc(0), ...others] = this.#chunks
    const all = others.length === 0 ? first : Buffer.concat(this.#chunks)
    this.#size = all.length - size
    this.#chunks = this.#size === 0 ? [] : [all.subarray(size)]
    return all.subarray(0, size)
  }
}

function frameOf(all: Buffer, headerSize: number): Frame | undefined {
  if (headerSize > SHALLOW_BYTES && isDeep(all.subarray(8, 8 + headerSize))) return undefined
  try {
    const header: unknown = JSON.parse(all.toString('utf8', 8, 8 + headerSize))
    return { header, body: all.subarray(8 + headerSize) }
  } catch {
    return undefined
  }
}

/** The frame that `bytes` are; `undefined` where they are none, or more than one. */
export function readFrame(bytes: Buffer, sizeMax: number): Frame | undefined {
  const reader = new FrameReader(sizeMax)
  const frames = reader.add(bytes)
  return frames?.length === 1 && reader.size === 0 ? frames[0] : undefined
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
