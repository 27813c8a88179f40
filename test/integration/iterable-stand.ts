import { FakeIterable, type FakeIterableOptions } from 'lakeloop/testing'
import { afterEach } from 'vitest'
import {
  IterableDestination,
  type IterableDestinationOptions,
} from '../../src/destinations/iterable/iterable-destination.js'
import type { Action } from '../../src/model/action.js'
import type { Outcome } from '../../src/model/outcome.js'
import { type Clock, SYSTEM_CLOCK } from '../../src/sync/clock.js'
import { deliver } from '../../src/sync/deliver.js'
import { systemClock, type Clock as TransportClock } from '../../src/transport/clock.js'
import { type Endpoint, PUBLISHED_RATES } from '../../src/vendors/iterable/endpoints.js'

const FAST = Object.fromEntries(Object.keys(PUBLISHED_RATES).map((endpoint) => [endpoint, 10_000])) as Record<
  Endpoint,
  number
>
/** Short where a fault is to run into it; long where a slow machine must not. */
export const SOON_MS = 900
export const LATE_MS = 20_000

/** Deadlines are real, slots come at once. */
function pacing(): TransportClock {
  let at = 0
  return {
    now: () => at,
    async sleep(ms, signal) {
      if (ms === SOON_MS || ms === LATE_MS) return systemClock.sleep(ms, signal)
      at += ms
    },
  }
}

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A fake, a destination on it, and a clock whose sleeps are over at once but count for both. */
export async function stand(
  fakeOptions: Partial<FakeIterableOptions> = {},
  options: Partial<IterableDestinationOptions> = {},
) {
  let at = Date.UTC(2026, 10, 1)
  const fake = new FakeIterable({ projectType: 'email', rates: 'off', now: () => at, ...fakeOptions })
  const { url, close } = await fake.listen()
  closers.push(close)
  const destination = new IterableDestination({
    project: url,
    apiKey: 'fake-key',
    dataCenter: 'us',
    projectType: 'email',
    baseUrl: url,
    share: 1,
    rates: FAST,
    timeoutMs: LATE_MS,
    clock: pacing(),
    createNewFields: true,
    lists: { create: true },
    ...options,
  })
  const clock: Clock = {
    ...SYSTEM_CLOCK,
    random: () => 0.5,
    async sleep(ms) {
      at += ms
    },
  }
  const send = (actions: readonly Action[]) => deliver(destination, actions, { clock })
  return { fake, destination, send, ledger: fake.ledger }
}

export const codes = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => ('reason' in outcome ? outcome.reason.code : outcome.status))
