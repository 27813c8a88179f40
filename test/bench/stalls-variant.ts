/** One variant of stalls.ts, in a process of its own: prints what it measured as one line of JSON. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as after } from 'node:timers/promises'
import { IterableDestination } from '../../src/destinations/iterable/iterable-destination.js'
import type { Action } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import { deliver } from '../../src/sync/deliver.js'

export type StallsVariant = 'by hand' | 'ours, profiles' | 'ours, events'

export interface StallsMeasured {
  readonly seconds: number
  readonly longestMs: number
  readonly p99Ms: number
}

/** Rows of 3.4 kB, so that a thousand of them fill a body of 3.5 MB. */
const FIELDS = 80
const PER_REQUEST = 1_000

const { variant, rows, url } = JSON.parse(process.argv[2] as string) as {
  variant: StallsVariant
  rows: number
  url: string
}

const fieldsOf = (n: number): Record<string, string | number> =>
  Object.fromEntries(
    Array.from({ length: FIELDS }, (_, f) => [
      `feature_${f}`,
      f % 4 === 0 ? (n * 31 + f) % 1_000 : `value ${n} of ${f} in autumn-win-back`,
    ]),
  )

const emailOf = (n: number): string => `customer.${n}@example.com`

function actionOf(n: number): Action {
  const identifiers = { email: emailOf(n) }
  if (variant === 'ours, profiles') return { kind: 'profile', identifiers, dataFields: fieldsOf(n) }
  return { kind: 'event', identifiers, eventName: 'scored', createdAt: 1_760_000_000, dataFields: fieldsOf(n) }
}

async function byHand(count: number): Promise<() => Promise<void>> {
  const people = Array.from({ length: count }, (_, n) => ({ email: emailOf(n), dataFields: fieldsOf(n) }))
  return async () => {
    for (let from = 0; from < count; from += PER_REQUEST) {
      const body = JSON.stringify({ users: people.slice(from, from + PER_REQUEST) })
      const response = await fetch(`${url}/api/users/bulkUpdate`, { method: 'POST', body })
      await response.json()
    }
  }
}

async function ours(count: number): Promise<() => Promise<void>> {
  const destination = new IterableDestination({
    project: 'stalls',
    apiKey: 'bench',
    dataCenter: 'us',
    baseUrl: url,
    projectType: 'email',
    createNewFields: true,
    rates: { 'users/bulkUpdate': 1_000, 'events/trackBulk': 1_000 },
    sizeMax: PER_REQUEST,
    bytesMax: 3_500_000,
  })
  const block = actionBlock(Array.from({ length: count }, (_, n) => actionOf(n)))
  return async () => {
    const outcomes = await deliver(destination, block)
    const refused = outcomes.find(({ status }) => status !== 'accepted')
    if (refused !== undefined) throw new Error(JSON.stringify(refused))
  }
}

const way = variant === 'by hand' ? byHand : ours
await (await way(10))() // fetch is loaded at its first use
const send = await way(rows)
globalThis.gc?.()
await after(200)
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const began = performance.now()
await send()
const seconds = (performance.now() - began) / 1_000
await after(5)
delay.disable()
const measured: StallsMeasured = { seconds, longestMs: delay.max / 1e6, p99Ms: delay.percentile(99) / 1e6 }
process.stdout.write(`${JSON.stringify(measured)}\n`)
