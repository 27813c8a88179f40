import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { orAborted, systemClock } from '../../src/transport/clock.js'

test('a hundred who wait on one signal do not let Node print a warning', async () => {
  const warnings: string[] = []
  const heard = (warning: Error): void => {
    warnings.push(warning.name)
  }
  process.on('warning', heard)
  try {
    for (const wait of [
      (signal: AbortSignal) => systemClock.sleep(60_000, signal),
      (signal: AbortSignal) => orAborted(new Promise(() => undefined), signal),
    ]) {
      const control = new AbortController()
      const waiting = Array.from({ length: 100 }, () => wait(control.signal).catch(() => 'ended'))
      await setImmediate()
      control.abort()
      expect(new Set(await Promise.all(waiting))).toEqual(new Set(['ended']))
    }
    await setImmediate()
  } finally {
    process.off('warning', heard)
  }
  expect(warnings).toEqual([])
})
