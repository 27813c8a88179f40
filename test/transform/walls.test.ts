import { afterEach, describe, expect, test } from 'vitest'
import { FRAME_BYTES_MAX, type Request } from '../../src/transform/protocol.js'
import type { AskOptions, Wall, WallAnswer, WallEnd } from '../../src/transform/wall/wall.js'
import { type After, Walls, type WallsOptions } from '../../src/transform/wall/walls.js'

const REQUEST = {
  type: 'load',
  modules: [{ id: 'a', source: '', links: {} }],
  packages: [],
  batch: false,
  limitMs: 1,
} satisfies Request
const NO_ROWS = new Uint8Array()
const FRAME: WallAnswer = { end: 'answered', frame: { header: {}, body: Buffer.alloc(0) } }

/** A wall that answers when a test says so. */
class FakeWall implements Wall {
  killedBy: WallEnd | 'untouched' | undefined
  #settle: ((answer: WallAnswer) => void) | undefined

  get alive(): boolean {
    return this.killedBy === undefined
  }

  ask(_: Request, __: Uint8Array, { begun }: AskOptions): Promise<WallAnswer> {
    begun?.()
    return new Promise((settle) => {
      this.#settle = settle
    })
  }

  kill(why: WallEnd | 'untouched'): void {
    this.end(why)
  }

  end(why: WallEnd | 'untouched'): void {
    this.killedBy ??= why
    this.#settle?.({ end: why })
  }

  answer(): void {
    this.#settle?.(FRAME)
  }
}

/** Timers that go off when a test says so. */
let timers: { readonly ms: number; readonly then: () => void }[] = []
const after: After = (ms, then) => {
  const timer = { ms, then }
  timers.push(timer)
  return () => {
    timers = timers.filter((one) => one !== timer)
  }
}
const goOff = (): void => {
  const [timer] = timers.splice(0, 1)
  timer?.then()
}
afterEach(() => {
  timers = []
})

const settled = (): Promise<void> => new Promise(setImmediate)

function stage(options: Partial<WallsOptions> = {}) {
  const opened: FakeWall[] = []
  const open = async (): Promise<Wall> => {
    const wall = new FakeWall()
    opened.push(wall)
    return wall
  }
  const given = { isolation: 'process', memoryMb: 64, idleMs: 1_000, spare: true, ...options } as const
  return { opened, walls: new Walls(given, { open, after }) }
}

describe('the spare', () => {
  test('is started when a request has taken half its time, and takes over', async () => {
    const { walls, opened } = stage()
    const wall = await walls.open()
    const asked = wall.ask(REQUEST, NO_ROWS, { timeoutMs: 500 })
    expect(timers.map(({ ms }) => ms)).toEqual([250])
    expect(opened).toHaveLength(1)
    goOff()
    expect(opened).toHaveLength(2)
    opened[0]?.end('timeout')
    expect(await asked).toEqual({ end: 'timeout' })
    const next = await walls.open()
    expect(opened).toHaveLength(2)
    void next.ask(REQUEST, NO_ROWS, { timeoutMs: 500 }).catch(() => undefined)
    opened[1]?.end('memory')
    expect(next.alive).toBe(false)
  })

  test('is not started for a request that takes less', async () => {
    const { walls, opened } = stage()
    const wall = await walls.open()
    const asked = wall.ask(REQUEST, NO_ROWS, { timeoutMs: 500 })
    opened[0]?.answer()
    expect(await asked).toBe(FRAME)
    expect(timers).toEqual([])
    await walls.open()
    await settled()
    expect(opened).toHaveLength(2)
  })

  test.each(['memory', 'crashed'] as const)(
    'is started beside the successor of one that ended by itself: %s',
    async (end) => {
      const { walls, opened } = stage()
      const wall = await walls.open()
      const asked = wall.ask(REQUEST, NO_ROWS, { timeoutMs: 500 })
      opened[0]?.end(end)
      await asked
      await walls.open()
      await settled()
      expect(opened).toHaveLength(3)
      await walls.open()
      await settled()
      expect(opened).toHaveLength(3)
    },
  )

  test('that has died meanwhile is not used', async () => {
    const { walls, opened } = stage()
    const wall = await walls.open()
    void wall.ask(REQUEST, NO_ROWS, { timeoutMs: 500 })
    goOff()
    opened[1]?.end('crashed')
    await walls.open()
    expect(opened).toHaveLength(3)
  })

  test.each([{ spare: false }, { isolation: 'none' }] as const)('is never started with %j', async (options) => {
    const { walls, opened } = stage(options)
    const wall = await walls.open()
    const asked = wall.ask(REQUEST, NO_ROWS, { timeoutMs: 500 })
    goOff()
    opened[0]?.end('crashed')
    await asked
    await walls.open()
    await settled()
    expect(opened).toHaveLength(2)
  })

  test('that cannot be started is nobody’s error', async () => {
    let starts = 0
    const open = async (): Promise<Wall> => {
      starts += 1
      if (starts === 2) throw new Error('no process')
      return new FakeWall()
    }
    const walls = new Walls({ isolation: 'process', memoryMb: 64, idleMs: 1, spare: true }, { open, after })
    const wall = await walls.open()
    void wall.ask(REQUEST, NO_ROWS, { timeoutMs: 500 })
    goOff()
    await settled()
    expect((await walls.open()).alive).toBe(true)
    expect(starts).toBe(3)
  })
})

describe('the idle stop', () => {
  test('stops what is warm, and the spare, a time after the last call', async () => {
    const { walls, opened } = stage()
    await walls.use(async () => {
      const wall = await walls.open()
      void wall.ask(REQUEST, NO_ROWS, { timeoutMs: 500 })
      goOff()
      opened[0]?.answer()
      await settled()
    })
    expect(timers.map(({ ms }) => ms)).toEqual([1_000])
    expect(opened.map(({ alive }) => alive)).toEqual([true, true])
    goOff()
    await settled()
    expect(opened.map(({ alive }) => alive)).toEqual([false, false])
    await walls.open()
    expect(opened).toHaveLength(3)
  })

  test('waits while there is a call, also for one that fails', async () => {
    const { walls } = stage()
    await walls.use(() => walls.open())
    expect(timers).toHaveLength(1)
    await expect(
      walls.use(async () => {
        expect(timers).toEqual([])
        throw new Error('a call')
      }),
    ).rejects.toThrow('a call')
    expect(timers.map(({ ms }) => ms)).toEqual([1_000])
  })

  test('does not come with Infinity, and at once with 0', async () => {
    const never = stage({ idleMs: Number.POSITIVE_INFINITY })
    await never.walls.use(() => never.walls.open())
    expect(timers).toEqual([])
    const atOnce = stage({ idleMs: 0 })
    await atOnce.walls.use(() => atOnce.walls.open())
    expect(timers.map(({ ms }) => ms)).toEqual([0])
  })
})

test('close ends all, also one that is on its way and one that is asked for later', async () => {
  const { walls, opened } = stage()
  await walls.use(async () => {
    const wall = await walls.open()
    void wall.ask(REQUEST, NO_ROWS, { timeoutMs: 500 })
    goOff()
  })
  const onItsWay = walls.open()
  walls.close()
  walls.close()
  await onItsWay
  await walls.open()
  await settled()
  expect(opened.length).toBeGreaterThan(2)
  expect(opened.map(({ alive }) => alive)).toEqual(opened.map(() => false))
  expect(timers).toEqual([])
})

test('rows beyond what a frame may hold are not sent', async () => {
  const { walls } = stage()
  const wall = await walls.open()
  const rows = new Uint8Array(FRAME_BYTES_MAX / 2 + 1)
  expect(await wall.ask(REQUEST, rows, { timeoutMs: 500 })).toEqual({ end: 'memory' })
  expect(wall.alive).toBe(true)
})
