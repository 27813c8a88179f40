import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { RecordingDestination } from '../sync/recording-destination.js'
import { people, World } from '../sync/world.js'

/** Pages that may wait for the oldest one: docs/guarantees.md. */
const PAGES_MAX = 32

test('while the oldest page waits for its answer, no more than 32 pages are read [I3] [I12]', async () => {
  const destination = new RecordingDestination({ sizeMax: 1 })
  let answer = (): void => undefined
  const asked = new Promise<void>((resolve) => {
    answer = resolve
  })
  destination.knob = (_, nth) => (nth === 0 ? (asked.then(() => undefined) as Promise<never>) : undefined)
  const world = new World({ destination })
  const sync = world.sync(people(200), { pageSize: 1 })
  let pages = 0
  sync.on('page', () => {
    pages += 1
  })
  const running = sync.run()
  for (let turn = 0; turn < 2_000; turn += 1) await setImmediate()
  expect(pages).toBeGreaterThan(1)
  expect(pages).toBeLessThanOrEqual(PAGES_MAX + 1)
  answer()
  expect(await running).toMatchObject({ status: 'complete', rows: { read: 200, accepted: 200 } })
})
