import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LakeloopError } from '../../errors.js'
import type { ArrowBatches, ArrowResult } from '../../vendors/databricks/sql.js'

export interface SpoolOptions {
  /** Name of the source, for errors. */
  readonly source: string
  /** A folder that exists. */
  readonly directory: string
  /** Bytes of the file at most, or one batch if that is larger; beyond it the server waits for us again. */
  readonly bytesMax: number
  /** Bytes that wait in memory before the disk is used. */
  readonly memoryBytesMax: number
}

/** A batch, and how many rows come behind it: not known before the server has sent the last one. */
export interface SpooledBatches extends ArrowBatches {
  readonly rowsLeft?: number | undefined
}

/** One batch that waits on disk. */
interface Stored {
  readonly at: number
  /** Bytes of its place, one at least: no two batches begin at the same byte. */
  readonly room: number
  /** Its own for each batch: one keystream is never used twice, though places in the file are. */
  readonly iv: Uint8Array
  readonly lengths: readonly number[]
  readonly rowCount: number
}

/**
 * Takes a result off the server as fast as it comes, so that a destination which takes an hour cannot outlive it: a
 * warehouse drops idle results after minutes. What waits is kept in memory, and beyond that in a file.
 *
 * The file is encrypted with a key that this process alone has. It has no name, so that it is gone with the process; on
 * Windows a process that is killed leaves noise.
 *
 * Order    as the server sent it.
 * Throws   what the result throws, after all that came before it was handed out; SOURCE_FAILED.
 * Upholds  I7, I12.
 */
export async function* spooled(result: ArrowResult, options: SpoolOptions): AsyncGenerator<SpooledBatches> {
  const spool = new Spool(options)
  const filling = spool.fill(result)
  try {
    for (;;) {
      const next = await spool.take()
      if (next === undefined) break
      yield { ...next, rowsLeft: spool.rowsLeft }
    }
    await filling
  } finally {
    spool.stop()
    await result.close()
    await filling.catch(() => undefined)
    await spool.close()
  }
}

class Spool {
  readonly #options: SpoolOptions
  readonly #ready: ArrowBatches[] = []
  readonly #stored: Stored[] = []
  readonly #key = randomBytes(32)
  #readyBytes = 0
  #rowsWaiting = 0
  /** On its way from the disk: its place is not free yet. */
  #leaving: Stored | undefined
  #file: FileHandle | undefined
  /** Where the system does not take away the name of an open file. */
  #path: string | undefined
  #ended: { readonly error?: unknown } | undefined
  #stopped = false
  #wake: (() => void)[] = []

  constructor(options: SpoolOptions) {
    this.#options = options
  }

  /** Takes everything in. Never throws: the end is told by {@link take}. */
  async fill(result: ArrowResult): Promise<void> {
    try {
      for await (const batch of result.batches()) {
        await this.#put(batch)
        if (this.#stopped) return
      }
      this.#ended = {}
    } catch (error) {
      this.#ended = { error }
    } finally {
      this.#told()
    }
  }

  /** The next batch; `undefined` behind the last one. */
  async take(): Promise<ArrowBatches | undefined> {
    for (;;) {
      const ready = this.#ready.shift()
      if (ready !== undefined) {
        this.#readyBytes -= sizeOf(ready)
        this.#rowsWaiting -= ready.rowCount
        this.#told()
        return ready
      }
      const stored = this.#stored.shift()
      if (stored !== undefined) {
        this.#rowsWaiting -= stored.rowCount
        return await this.#read(stored)
      }
      if (this.#ended !== undefined) {
        if ('error' in this.#ended) throw this.#ended.error
        return undefined
      }
      await this.#change()
    }
  }

  /** Rows that were not taken yet, where no more are to come. */
  get rowsLeft(): number | undefined {
    return this.#ended === undefined || 'error' in this.#ended ? undefined : this.#rowsWaiting
  }

  stop(): void {
    this.#stopped = true
    this.#told()
  }

  async close(): Promise<void> {
    await this.#file?.close()
    if (this.#path !== undefined) await rm(this.#path, { force: true })
  }

  /** Into memory while nothing waits on disk, so that the order stays. */
  async #put(batch: ArrowBatches): Promise<void> {
    const { memoryBytesMax, bytesMax } = this.#options
    const size = sizeOf(batch)
    if (this.#stored.length === 0 && (this.#readyBytes === 0 || this.#readyBytes + size <= memoryBytesMax)) {
      this.#ready.push(batch)
      this.#readyBytes += size
      this.#rowsWaiting += batch.rowCount
      return this.#told()
    }
    const room = Math.max(size, 1)
    let at = this.#placeFor(room, bytesMax)
    while (at === undefined && !this.#stopped) {
      await this.#change()
      at = this.#placeFor(room, bytesMax)
    }
    if (at === undefined || this.#stopped) return
    this.#stored.push({ at, room, ...(await this.#write(batch, at)) })
    this.#rowsWaiting += batch.rowCount
    this.#told()
  }

  /**
   * Where on disk there is room. The file is a ring: what was taken gives its place back, so that a reader which keeps up
   * never lets it grow.
   */
  #placeFor(room: number, bytesMax: number): number | undefined {
    const oldest = this.#leaving ?? this.#stored[0]
    if (oldest === undefined) return 0
    const newest = this.#stored.at(-1) ?? oldest
    const end = newest.at + newest.room
    if (newest.at < oldest.at) return end + room <= oldest.at ? end : undefined
    if (end + room <= bytesMax) return end
    return room <= oldest.at ? 0 : undefined
  }

  async #write({ messages, rowCount }: ArrowBatches, at: number): Promise<Omit<Stored, 'at' | 'room'>> {
    const handle = await this.#open()
    const iv = randomBytes(16)
    const cipher = createCipheriv(CIPHER, this.#key, iv)
    const bytes = Buffer.concat([...messages.map((message) => cipher.update(message)), cipher.final()])
    // A disk that is nearly full takes a part and says so.
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#asked(handle.write(bytes, done, bytes.length - done, at + done))
      done += bytesWritten
    }
    return { iv, lengths: messages.map((message) => message.byteLength), rowCount }
  }

  async #read(stored: Stored): Promise<ArrowBatches> {
    const { at, iv, lengths, rowCount } = stored
    const size = lengths.reduce((sum, length) => sum + length, 0)
    this.#leaving = stored
    const handle = await this.#open()
    const bytes = Buffer.allocUnsafe(size)
    for (let done = 0; done < size; ) {
      const { bytesRead } = await this.#asked(handle.read(bytes, done, size - done, at + done))
      if (bytesRead === 0) throw new Error('the spool file ends before what was written to it')
      done += bytesRead
    }
    const plain = createDecipheriv(CIPHER, this.#key, iv).update(bytes)
    this.#leaving = undefined
    this.#told()
    let from = 0
    const messages = lengths.map((length) => {
      from += length
      return plain.subarray(from - length, from)
    })
    return { messages, rowCount }
  }

  async #open(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file
    const path = join(this.#options.directory, `lakeloop-spool-${randomBytes(8).toString('hex')}`)
    const file = await this.#asked(open(path, 'wx+', 0o600))
    this.#file = file
    // Without a name it is gone with its last handle, however this process ends.
    this.#path = await rm(path).then(
      () => undefined,
      () => path,
    )
    return file
  }

  /** What a file system says has the path in it, and no remedy. */
  async #asked<T>(work: Promise<T>): Promise<T> {
    return await work.catch((error: unknown) => {
      const { code = 'an error' } = error as { readonly code?: string }
      const problem = `: its spool could not be kept (${code}); name a folder with room in spool.directory`
      throw new LakeloopError('SOURCE_FAILED', { source: this.#options.source, problem }, error)
    })
  }

  #told(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve)
    })
  }
}

const CIPHER = 'aes-256-ctr'

const sizeOf = ({ messages }: ArrowBatches): number => messages.reduce((sum, message) => sum + message.byteLength, 0)
