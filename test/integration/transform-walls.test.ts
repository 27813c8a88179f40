import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform, type TransformOptions } from '../../src/transform/transform.js'
import { NoWall } from '../../src/transform/wall/none.js'
import { fatesOf, runProgram } from '../transform/programs.js'
import { isAlive, isGone, Watch } from './sandboxes.js'

let watch: Watch
beforeEach(() => {
  watch = new Watch()
})
afterEach(() => {
  watch.end()
  vi.doUnmock('../../src/transform/child.generated.js')
  vi.doUnmock('node:worker_threads')
  vi.resetModules()
})

const SOURCE = 'export default (row) => { if (row.loop) for (;;); return { email: row.email } }'
const ONE = { rows: rowBlock([{ email: 'a' }]) }
const LOOP = { rows: rowBlock([{ email: 'a', loop: true }]) }

async function using<T>(options: TransformOptions, use: (transform: Transform) => Promise<T>, source = SOURCE) {
  const transform = Transform.fromText(source, options)
  try {
    return await use(transform)
  } finally {
    await transform.close()
  }
}

describe('the spare', () => {
  test('stands by while a row runs long, takes over after the stop, and is gone after close', async () => {
    await using({ timeoutMs: 1_000 }, async (transform) => {
      await transform.run(ONE)
      expect(watch.processes).toHaveLength(1)
      expect(fatesOf(await transform.run(LOOP))).toEqual(['TRANSFORM_TIMEOUT'])
      expect(watch.processes).toHaveLength(2)
      expect(watch.alive()).toEqual([watch.pid(1)])
      expect(fatesOf(await transform.run(ONE))).toEqual([1])
      expect(watch.processes).toHaveLength(2)
      expect(fatesOf(await transform.run(LOOP))).toEqual(['TRANSFORM_TIMEOUT'])
      expect(watch.alive()).toEqual([watch.pid(2)])
    })
    expect(await isGone(watch.pid(2), 5_000)).toBe(true)
  })

  test('is a thread beside a thread', async () => {
    await using({ timeoutMs: 1_000, isolation: 'thread' }, async (transform) => {
      expect(fatesOf(await transform.run(LOOP))).toEqual(['TRANSFORM_TIMEOUT'])
      expect(fatesOf(await transform.run(ONE))).toEqual([1])
      expect(watch.threads).toHaveLength(2)
    })
    expect(watch.processes).toEqual([])
  })
})

describe('the idle stop', () => {
  test('ends the process, and the next call starts it anew', async () => {
    await using({ idleMs: 0 }, async (transform) => {
      await Promise.all([transform.run(ONE), transform.run(ONE)])
      expect(watch.processes).toHaveLength(1)
      expect(await isGone(watch.pid(0), 5_000)).toBe(true)
      expect(fatesOf(await transform.run(ONE))).toEqual([1])
      expect(watch.processes).toHaveLength(2)
    })
  })

  test.each([-1, 0.5, 86_400_001, Number.NaN])('idleMs: %d is refused', (idleMs) => {
    expect(() => Transform.fromText(SOURCE, { idleMs })).toThrow('OPTION_INVALID')
  })

  test('idleMs: Infinity is not', () => {
    expect(() => Transform.fromText(SOURCE, { idleMs: Number.POSITIVE_INFINITY })).not.toThrow()
  })
})

describe('a thread', () => {
  test('that cannot be stopped holds up neither a run nor close', async () => {
    const source =
      'export default (row) => { if (row.loop) new Array(2 ** 28).indexOf(1); return { email: row.email } }'
    await using(
      { isolation: 'thread', timeoutMs: 500 },
      async (transform) => {
        expect(fatesOf(await transform.run(LOOP))).toEqual(['TRANSFORM_TIMEOUT'])
        expect(fatesOf(await transform.run(ONE))).toEqual([1])
        const ended = transform.run(LOOP).catch((error: { code: string }) => error.code)
        await sleep(200)
        await transform.close()
        expect(await ended).toBe('CLOSED')
      },
      source,
    )
    expect(watch.threads[0]?.ended).toBe(false)
    while (watch.threads.some(({ ended }) => !ended)) await sleep(100) // else it would hold up this process
  })

  test('that runs out of memory ends alone', async () => {
    const source = `export default (row) => {
      if (row.loop) { const all = []; for (;;) all.push(new Array(1000).fill(all.length)) }
      return { email: row.email }
    }`
    const rows = [{ email: 'a' }, { email: 'b', loop: true }, { email: 'c' }]
    const made = await runProgram(source, rows, { isolation: 'thread', timeoutMs: 20_000 })
    expect(fatesOf(made)).toEqual([1, 'TRANSFORM_OUT_OF_MEMORY', 1])
  })

  test('that may not be started is an error of the host', async () => {
    vi.doMock('node:worker_threads', () => ({
      Worker: class {
        constructor() {
          throw Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' })
        }
      },
    }))
    const { Transform: Mocked } = await import('../../src/transform/transform.js')
    const transform = Mocked.fromText(SOURCE, { isolation: 'thread' })
    await expect(transform.prepare()).rejects.toMatchObject({
      code: 'TRANSFORM_START_FAILED',
      facts: { problem: 'ERR_ACCESS_DENIED' },
    })
    await transform.close()
  })
})

describe('no isolation', () => {
  test('gives the host its turns, starts nothing, and has a deadline for each request', async () => {
    await using({ isolation: 'none', timeoutMs: 300 }, async (transform) => {
      await transform.prepare()
      const order: string[] = []
      setImmediate(() => order.push('host'))
      await transform.run(ONE).then(() => order.push('run'))
      expect(order).toEqual(['host', 'run'])
      expect(fatesOf(await transform.run(LOOP))).toEqual(['TRANSFORM_TIMEOUT'])
      expect(fatesOf(await transform.run(ONE))).toEqual([1])
    })
    expect([watch.processes, watch.threads]).toEqual([[], []])
  })

  test('ends at the deadline of the call, not at the later one of a child whose host has died', async () => {
    const wall = await NoWall.open()
    const request = {
      type: 'load',
      modules: [{ id: 'a.js', source: 'for (;;);\nexport default (row) => row', links: {} }],
      packages: [],
      batch: false,
      limitMs: 15_000,
    } as const
    const began = performance.now()
    expect(await wall.ask(request, new Uint8Array(), { timeoutMs: 100 })).toEqual({ end: 'timeout' })
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(wall.alive).toBe(false)
  })

  test('can be aborted and closed between two requests', async () => {
    await using({ isolation: 'none' }, async (transform) => {
      await transform.prepare()
      const stop = new AbortController()
      const aborted = transform.run(ONE, { signal: stop.signal })
      stop.abort()
      await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
      const closed = transform.run(ONE)
      await transform.close()
      await expect(closed).rejects.toMatchObject({ code: 'CLOSED' })
    })
  })

  test('a rejection that the program dropped is no unhandled rejection of the host', async () => {
    const heard: unknown[] = []
    const listener = (reason: unknown): void => void heard.push(reason)
    process.on('unhandledRejection', listener)
    const source = `const spin = async () => { for (;;) await null }
      export default (row) => {
        Promise.reject(new Error('a')); (async () => { await null; throw new Error('b') })()
        if (row.loop) spin()
        return { email: row.email }
      }`
    await using(
      { isolation: 'none', timeoutMs: 300 },
      async (transform) => {
        await transform.run(ONE)
        await transform.run(LOOP)
      },
      source,
    )
    await sleep(10)
    process.off('unhandledRejection', listener)
    expect(heard).toEqual([])
  })

  test('a host that formats stacks in its own way sees none of the program, and changes no place', async () => {
    const throws = 'export default (row) => {\n  null.x\n}'
    const run = async () => (await runProgram(throws, [{}], { isolation: 'none' })).rows
    const expected = await run()
    const { prepareStackTrace } = Error
    const format = vi.fn(() => 'at x (lakeloop:transform:1:1)')
    Error.prepareStackTrace = format
    try {
      expect(await run()).toEqual(expected)
    } finally {
      Error.prepareStackTrace = prepareStackTrace
    }
    expect(expected).toMatchObject([{ reason: { facts: { at: 'churn.js:2:8', name: 'TypeError' } } }])
  })
})

describe('what is no answer ends whoever gave it [I8]', () => {
  const u32 = (value: number): string => `Buffer.from(new Uint32Array([${value}]).buffer)`
  const ANSWERS = [
    ['bytes', "Buffer.from('junk, and more of it')"],
    ['a frame larger than allowed', `Buffer.concat([${u32(2 ** 31)}, ${u32(4)}, Buffer.alloc(20)])`],
    ['a header longer than its frame', `Buffer.concat([${u32(8)}, ${u32(9)}, Buffer.alloc(4)])`],
    ['a header that is no JSON', `Buffer.concat([${u32(8)}, ${u32(4)}, Buffer.from('nope')])`],
    ['a type that is not known', `Buffer.concat([${u32(6)}, ${u32(2)}, Buffer.from('{}')])`],
  ] as const
  /** For as long as there is a host. */
  const STAY = 'while (fs.readSync(3, Buffer.alloc(9e6)) > 0);'
  const SIDES = {
    process: (bytes: string) =>
      `const fs = require('node:fs'); fs.readSync(3, Buffer.alloc(9)); fs.writeSync(4, ${bytes}); ${STAY}`,
    thread: (bytes: string) =>
      `const { parentPort } = require('node:worker_threads'); parentPort.on('message', () => { parentPort.postMessage(new Uint8Array(${bytes})) })`,
  }
  const all = (['process', 'thread'] as const).flatMap((isolation) =>
    ANSWERS.map(([what, bytes]) => [isolation, what, SIDES[isolation](bytes)] as const),
  )

  test.each([...all, ['thread', 'no bytes', SIDES.thread('0').replace('new Uint8Array(0)', '{}')] as const])(
    '%s: %s',
    async (isolation, _, code) => {
      vi.doMock('../../src/transform/child.generated.js', () => ({
        childSource: () => code,
        SHELL_SOURCE: code,
        REALM_SOURCE: '',
      }))
      const { Transform: Mocked } = await import('../../src/transform/transform.js')
      const transform = Mocked.fromText(SOURCE, { isolation })
      await expect(transform.prepare()).rejects.toMatchObject({ code: 'TRANSFORM_CRASHED' })
      if (isolation === 'process') expect(await isGone(watch.pid(0), 5_000)).toBe(true)
      else while (watch.threads.some(({ ended }) => !ended)) await sleep(10)
      await transform.close()
    },
  )

  test('a request that is larger than allowed ends the process', async () => {
    await using({}, async (transform) => {
      await transform.prepare()
      const requests = watch.processes[0]?.stdio[3] as Writable | undefined
      requests?.write(Buffer.from(new Uint32Array([2 ** 30]).buffer))
      expect(await isGone(watch.pid(0), 5_000)).toBe(true)
    })
  })

  test('a process that speaks before it is asked', async () => {
    const code = `const fs = require('node:fs'); fs.writeSync(4, Buffer.from('early')); ${STAY}`
    vi.doMock('../../src/transform/child.generated.js', () => ({
      childSource: () => code,
      SHELL_SOURCE: code,
      REALM_SOURCE: '',
    }))
    const { ProcessWall } = await import('../../src/transform/wall/process.js')
    const wall = await ProcessWall.open(64)
    expect(isAlive(watch.pid(0))).toBe(true)
    while (wall.alive) await sleep(10)
    expect(await isGone(watch.pid(0), 5_000)).toBe(true)
  })
})
