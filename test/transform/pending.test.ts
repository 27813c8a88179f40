import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Pending } from '../../src/transform/wall/pending.js'
import type { WallAnswer } from '../../src/transform/wall/wall.js'

const FRAME: WallAnswer = { end: 'answered', frame: { header: {}, body: Buffer.alloc(0) } }

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function stage() {
  const killed: string[] = []
  const pending = new Pending((why) => killed.push(why))
  const sent: number[] = []
  const ask = (nth: number, more: { signal?: AbortSignal; begun?: () => void } = {}) =>
    pending.ask({ timeoutMs: 100, ...more }, () => sent.push(nth))
  return { pending, killed, sent, ask }
}

describe('Pending', () => {
  test('sends at once, and answers in the order of the calls', async () => {
    const { pending, sent, ask } = stage()
    const begun: number[] = []
    const asked = [0, 1, 2].map((nth) => ask(nth, { begun: () => begun.push(nth) }))
    expect([sent, begun, pending.size]).toEqual([[0, 1, 2], [0], 3])
    pending.settle(FRAME)
    expect([begun, pending.size]).toEqual([[0, 1], 2])
    pending.end({ end: 'memory' })
    expect((await Promise.all(asked)).map(({ end }) => end)).toEqual(['answered', 'memory', 'untouched'])
    expect([begun, pending.size]).toEqual([[0, 1], 0])
  })

  test('a deadline counts from when the request comes to the head', async () => {
    const { pending, killed, ask } = stage()
    const asked = [ask(0), ask(1)]
    await vi.advanceTimersByTimeAsync(80)
    pending.settle(FRAME)
    await vi.advanceTimersByTimeAsync(80)
    expect(killed).toEqual([])
    await vi.advanceTimersByTimeAsync(40)
    expect(killed).toEqual(['timeout'])
    pending.end({ end: 'timeout' })
    expect((await Promise.all(asked)).map(({ end }) => end)).toEqual(['answered', 'timeout'])
  })

  test.each([0, 1])('a signal ends its own request, wherever it waits, and blames nobody: %i', async (nth) => {
    const { pending, killed, ask } = stage()
    const stop = new AbortController()
    const asked = [0, 1].map((one) => ask(one, one === nth ? { signal: stop.signal } : {}))
    stop.abort()
    await expect(asked[nth]).rejects.toMatchObject({ code: 'ABORTED' })
    expect(killed).toEqual(['untouched'])
    pending.end({ end: 'untouched' })
    expect(await asked[1 - nth]).toEqual({ end: 'untouched' })
    await expect(ask(2, { signal: stop.signal })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(pending.size).toBe(0)
  })

  test('a failure is that of the head', async () => {
    const { pending, ask } = stage()
    const asked = [ask(0), ask(1)]
    pending.fail(new Error('no process'))
    await expect(asked[0]).rejects.toThrow('no process')
    expect(await asked[1]).toEqual({ end: 'untouched' })
  })
})
