/**
 * `npm run bench:slots`: how much of Iterable's rate for users/bulkUpdate (5 per second) is used on a real clock, and
 * how often it is refused, against a fake Iterable in another process that counts as Iterable does and answers after 50, 300
 * and 1,000 ms. Beside it the loop one would write: a request every 200 ms. BENCH_ROWS is the number of requests (default 300, a
 * minute for each line). The law on simulated time is test/laws/iterable-pace.test.ts; method: docs/benchmarks.md.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { IterableDestination } from '../../src/destinations/iterable/iterable-destination.js'
import type { Action } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import { SYSTEM_CLOCK } from '../../src/sync/clock.js'
import { Dispatcher } from '../../src/sync/dispatch.js'
import { RETRY_LIMITS } from '../../src/sync/retry.js'

const REQUESTS = Number(process.env.BENCH_ROWS ?? 300)
const PER_SECOND = 5

interface Paced {
  /** Of the published rate, counted from the first accepted start to the last. */
  readonly used: number
  readonly refused: number
}

async function serving<T>(latencyMs: number, work: (url: string) => Promise<T>): Promise<T> {
  const program = join(import.meta.dirname, 'slots-server.ts')
  const server = spawn(process.execPath, ['--import', 'tsx', program, String(latencyMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [url] = (await once(server.stdout, 'data')) as [Buffer]
    return await work(url.toString().trim())
  } finally {
    server.kill()
  }
}

const people: readonly Action[] = Array.from({ length: REQUESTS }, (_, n) => {
  const email = `p${n}@example.com`
  return { kind: 'profile', identifiers: { email }, fields: { plan: 'a' } } as unknown as Action
})

/** Starts are known by their ends less the latency, which is the same for all. */
const used = (ends: readonly number[]): number =>
  (REQUESTS - 1) / (((ends.at(-1) as number) - (ends[0] as number)) / 1_000) / PER_SECOND

async function ours(url: string, latencyMs: number): Promise<Paced> {
  const destination = new IterableDestination({
    project: `slots-${latencyMs}`,
    apiKey: 'fake-key',
    dataCenter: 'us',
    baseUrl: url,
    projectType: 'email',
    share: 1,
    sizeMax: 1,
    createNewFields: true,
  })
  const { signal } = new AbortController()
  const delivery = await destination.open(signal)
  const addresses = people.map(({ identifiers }) => ({ address: (identifiers as { email: string }).email }))
  const ends: number[] = []
  let refused = 0
  const onThrottle = (): void => {
    refused += 1
  }
  const dispatcher = new Dispatcher({
    delivery,
    clock: SYSTEM_CLOCK,
    limits: RETRY_LIMITS,
    signal,
    concurrency: 8,
    onThrottle,
  })
  await dispatcher.send(actionBlock(people, addresses), {
    onSettled: async () => {
      ends.push(performance.now())
    },
  })
  await delivery.close()
  await destination.close()
  return { used: used(ends), refused }
}

/** The fixed gap of a script: what is refused is sent again at the end. */
async function byHand(url: string): Promise<Paced> {
  const ends: number[] = []
  let refused = 0
  const send = async (email: string): Promise<void> => {
    const body = JSON.stringify({ users: [{ email, dataFields: { plan: 'a' } }] })
    const headers = { 'api-key': 'fake-key', 'content-type': 'application/json' }
    const answer = await fetch(`${url}/api/users/bulkUpdate`, { method: 'POST', headers, body })
    await answer.arrayBuffer()
    if (answer.status === 200) {
      ends.push(performance.now())
      return
    }
    refused += 1
    left.push(email)
  }
  const left = people.map(({ identifiers }) => (identifiers as { email: string }).email)
  const flying = new Set<Promise<void>>()
  while (left.length > 0 || flying.size > 0) {
    const next = left.shift()
    if (next !== undefined) {
      const flight: Promise<void> = send(next).finally(() => flying.delete(flight))
      flying.add(flight)
    }
    await after(1_000 / PER_SECOND)
  }
  return { used: used(ends), refused }
}

console.log(`${REQUESTS} requests at ${PER_SECOND} per second, Node ${process.version}`)
console.log('latency ms   ours: used, 429s      every 200 ms: used, 429s')
for (const latencyMs of [50, 300, 1_000]) {
  const [we, they] = await Promise.all([
    serving(latencyMs, (url) => ours(url, latencyMs)),
    serving(latencyMs, (url) => byHand(url)),
  ])
  const cell = ({ used: share, refused }: Paced): string => `${(share * 100).toFixed(1)} %, ${refused}`
  console.log(`${String(latencyMs).padStart(10)}   ${cell(we).padEnd(21)} ${cell(they)}`)
}
