import { type FileHandle, mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type SpoolOptions, spooled } from '../../../src/sources/databricks/spool.js'
import type { ArrowBatches, ArrowResult } from '../../../src/vendors/databricks/sql.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lakeloop-spool-test-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  expect(await readdir(directory)).toEqual([]) // whatever happened, nothing stays behind
  await rm(directory, { recursive: true })
})

const batch = (...sizes: number[]): ArrowBatches => ({
  messages: sizes.map((size, nth) => Buffer.alloc(size, `secret-${nth}-${size}`)),
  rowCount: sizes.length,
})

interface Served {
  readonly result: ArrowResult
  /** Batches that the spool has asked for. */
  taken: number
  /** The spool has the last one, and has asked for more. */
  sent: boolean
  closed: number
}

function served(batches: readonly ArrowBatches[], error?: Error): Served {
  const told: Served = {
    taken: 0,
    sent: false,
    closed: 0,
    result: {
      schema: new Uint8Array(),
      async *batches() {
        for (const one of batches) {
          told.taken += 1
          yield one
        }
        told.sent = true
        if (error !== undefined) throw error
      },
      close: async () => {
        told.closed += 1
      },
    },
  }
  return told
}

const options = (more: Partial<SpoolOptions> = {}): SpoolOptions => ({
  source: 'scores',
  directory,
  bytesMax: 1_000_000,
  memoryBytesMax: 100,
  ...more,
})

/** Until the disk has done what it was asked. */
const settled = (done: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(done()).toBe(true), { timeout: 10_000, interval: 1 })

async function all(batches: AsyncIterable<ArrowBatches>): Promise<ArrowBatches[]> {
  const read: ArrowBatches[] = []
  for await (const { messages, rowCount } of batches)
    read.push({ rowCount, messages: messages.map((message) => Buffer.from(message)) })
  return read
}

/** All open files share it. */
async function handlePrototype() {
  const probe = await open(join(directory, 'probe'), 'w')
  await probe.close()
  await rm(join(directory, 'probe'))
  return Object.getPrototypeOf(probe)
}

/** The file that is written to: it has no name by which it could be found. */
async function watched(): Promise<{ readonly handle: FileHandle | undefined }> {
  const handles = await handlePrototype()
  const { write } = handles
  const found: { handle: FileHandle | undefined } = { handle: undefined }
  vi.spyOn(handles, 'write').mockImplementation(function (this: unknown, ...given: unknown[]) {
    found.handle = this as FileHandle
    return write.apply(this, given)
  })
  return found
}

describe('spooled()', () => {
  test('gives what the server sent, in its order, whatever waits in memory and on disk', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 1, maxLength: 3 }), { maxLength: 30 }),
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1, max: 400 }),
        async (sizes, memoryBytesMax, bytesMax) => {
          const batches = sizes.map((one) => batch(...one))
          const read = await all(spooled(served(batches).result, options({ memoryBytesMax, bytesMax })))
          expect(read).toEqual(batches)
        },
      ),
      { numRuns: Number(process.env.LAW_RUNS ?? 60) },
    )
  })

  test('knows how many rows are left once the server has sent all, wherever they wait', async () => {
    const source = served([batch(10), batch(60, 60), batch(), batch(30), batch(90, 1, 1)])
    const reading = spooled(source.result, options())
    const left = [(await reading.next()).value?.rowsLeft]
    await settled(() => source.sent)
    for await (const { rowsLeft } of reading) left.push(rowsLeft)
    expect(left).toEqual([undefined, 4, 4, 3, 0])
  })

  test('does not know it of a result that broke off', async () => {
    const reading = spooled(served([batch(10), batch(20)], new Error('lost')).result, options())
    const left: unknown[] = []
    const reads = (async () => {
      for await (const { rowsLeft } of reading) left.push(rowsLeft)
    })()
    await expect(reads).rejects.toThrow('lost')
    expect(left).toEqual([undefined, undefined])
  })

  test('empties the server while the reader sleeps', async () => {
    const source = served(Array.from({ length: 200 }, () => batch(50, 50)))
    const reading = spooled(source.result, options())
    await reading.next()
    await settled(() => source.taken === 200)
    await reading.return(undefined)
  })

  test('lets the server wait once the disk is as full as told, and goes on when there is room', async () => {
    const source = served(Array.from({ length: 50 }, () => batch(100)))
    const reading = spooled(source.result, options({ bytesMax: 1_000 }))
    await reading.next()
    for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(source.taken).toBeLessThan(20)
    let read = 1
    for await (const _ of reading) read += 1
    expect(read).toBe(50)
  })

  test('the file never grows beyond what it may, however much goes through it', async () => {
    const source = served(Array.from({ length: 400 }, () => batch(90)))
    const file = await watched()
    let largest = 0
    let read = 0
    for await (const one of spooled(source.result, options({ bytesMax: 1_000 }))) {
      expect(one.messages).toEqual(batch(90).messages)
      read += 1
      if (file.handle !== undefined) largest = Math.max(largest, (await file.handle.stat()).size)
      if (read % 7 === 0) for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    }
    expect(read).toBe(400)
    expect(largest).toBeGreaterThan(500)
    expect(largest).toBeLessThanOrEqual(1_000)
  })

  test('a disk that writes and reads in parts changes no byte', async () => {
    const handles = await handlePrototype()
    const { write, read } = handles
    const half = (length: number) => Math.ceil(length / 2)
    vi.spyOn(handles, 'write').mockImplementation(function (this: unknown, bytes, from, length, at) {
      return write.call(this, bytes, from, half(length as number), at)
    })
    vi.spyOn(handles, 'read').mockImplementation(function (this: unknown, bytes, from, length, at) {
      return read.call(this, bytes, from, half(length as number), at)
    })
    const batches = Array.from({ length: 20 }, (_, nth) => batch(100 + nth, 7))
    const reading = all(spooled(served(batches).result, options({ memoryBytesMax: 0 })))
    expect(await reading.finally(() => vi.restoreAllMocks())).toEqual(batches)
  })

  test('what lies on disk is no plain text', async () => {
    const file = await watched()
    const source = served(Array.from({ length: 20 }, () => batch(500)))
    const reading = spooled(source.result, options())
    await reading.next()
    await settled(() => source.taken === 20)
    const bytes = Buffer.alloc(1_000_000)
    const { bytesRead = 0 } = (await file.handle?.read(bytes, 0, bytes.length, 0)) ?? {}
    expect(bytesRead).toBeGreaterThan(5_000)
    expect(bytes.includes('secret')).toBe(false)
    await reading.return(undefined)
  })

  test.skipIf(process.platform === 'win32')('a process that is killed leaves no file: it has no name', async () => {
    const file = await watched()
    const source = served(Array.from({ length: 20 }, () => batch(500)))
    const reading = spooled(source.result, options())
    await reading.next()
    await settled(() => source.taken === 20)
    expect([await readdir(directory), (await file.handle?.stat())?.nlink]).toEqual([[], 0])
    await reading.return(undefined)
  })

  test('an error of the server comes after all that was read before it', async () => {
    const source = served([batch(80), batch(80), batch(80)], new Error('lost'))
    const reading = spooled(source.result, options())
    const read: ArrowBatches[] = []
    await expect(async () => {
      for await (const one of reading) read.push(one)
    }).rejects.toThrow('lost')
    expect(read).toHaveLength(3)
  })

  test('a reader that leaves closes the result on the server', async () => {
    const source = served(Array.from({ length: 50 }, () => batch(100)))
    for await (const _ of spooled(source.result, options({ bytesMax: 300 }))) break
    expect(source.closed).toBe(1)
  })

  test('a folder that is not there is an error', async () => {
    const source = served([batch(80), batch(80), batch(80)])
    const reading = spooled(source.result, options({ directory: join(directory, 'gone') }))
    await reading.next()
    await settled(() => source.taken === 3)
    await new Promise((resolve) => setTimeout(resolve, 20)) // the third batch is on its way to the disk
    await expect(all(reading)).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringMatching(
        /its spool could not be kept \(ENOENT\); name a folder with room in spool.directory/,
      ),
    })
  })
})
