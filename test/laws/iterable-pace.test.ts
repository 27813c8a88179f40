import { FakeIterable } from 'lakeloop/testing'
import { expect, test } from 'vitest'
import { IterableDestination } from '../../src/destinations/iterable/iterable-destination.js'
import type { Action } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import { Dispatcher } from '../../src/sync/dispatch.js'
import { RETRY_LIMITS } from '../../src/sync/retry.js'
import { profile } from '../destinations/iterable-stub.js'
import { simulatedFetch } from './iterable/faulty-net.js'
import { DEADLINE_MS, SimulatedTime } from './iterable/simulated-time.js'

/** Iterable's own limit for users/bulkUpdate. */
const PER_SECOND = 5
const REQUESTS = 120

/** How long `REQUESTS` take from the second on, where the first of all comes `coldMs` later than it should. */
async function played(latencyMs: number, coldMs: number, limiter: 'window' | 'bucket') {
  const time = new SimulatedTime()
  const fake = new FakeIterable({ projectType: 'email', rates: 'published', unsure: { limiter }, now: time.now })
  const arrivals: number[] = []
  const lateness = (path: string): number => {
    if (!path.endsWith('bulkUpdate')) return 0
    arrivals.push(time.now())
    return arrivals.length === 1 ? coldMs : 0
  }
  const destination = new IterableDestination({
    project: 'pace',
    apiKey: 'fake-key',
    dataCenter: 'us',
    projectType: 'email',
    share: 1,
    sizeMax: 1,
    timeoutMs: DEADLINE_MS,
    clock: time.transport,
    createNewFields: true,
    fetch: simulatedFetch({
      fake,
      time,
      goingMs: (path) => latencyMs / 2 + lateness(path),
      comingMs: () => latencyMs / 2,
    }),
  })
  const signal = new AbortController().signal
  const delivery = await destination.open(signal)
  const actions: Action[] = Array.from({ length: REQUESTS }, (_, n) => profile(`p${n}@example.com`))
  const block = actionBlock(
    actions,
    actions.map(({ identifiers }) => ({ address: identifiers.email })),
  )
  const clock = time.engine(() => 0.5)
  const dispatcher = new Dispatcher({ delivery, clock, limits: RETRY_LIMITS, signal, concurrency: 8 })
  await dispatcher.send(block, { onSettled: async () => undefined })
  const tookMs = (arrivals.at(-1) as number) - (arrivals[1] as number)
  return { used: (REQUESTS - 2) / (tookMs / 1_000) / PER_SECOND, refused: fake.ledger.requests().byAnswer }
}

test.each([
  [0, 0, 'window'],
  [0, 40, 'window'],
  [50, 40, 'window'],
  [300, 80, 'window'],
  [1_000, 80, 'window'],
  [300, 80, 'bucket'],
] as const)(
  'the whole published rate is used without a refusal of our own making, at %i ms, the first request %i ms late, by a %s',
  async (latencyMs, coldMs, limiter) => {
    const { used, refused } = await played(latencyMs, coldMs, limiter)
    expect(refused).toMatchObject({ 'users/bulkUpdate 200': REQUESTS })
    expect(refused).not.toHaveProperty('users/bulkUpdate 429')
    expect(used).toBeGreaterThanOrEqual(0.97)
  },
)
