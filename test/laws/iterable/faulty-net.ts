import { FAULTS, type FakeIterable, type FaultKind } from 'lakeloop/testing'
import type { JsonObject } from '../../../src/model/value.js'
import type { SimulatedTime } from './simulated-time.js'

/** What can befall a request: the faults of the fake, and what is no matter of the server. */
export const OWN = ['no such host', 'slower than the deadline', 'the process dies', 'the run is cancelled'] as const
export type Mishap = FaultKind | (typeof OWN)[number]
export const MISHAPS: readonly Mishap[] = [...FAULTS, ...OWN]

export interface NetOptions {
  readonly fake: FakeIterable
  readonly time: SimulatedTime
  readonly random: () => number
  /** Of a request that it meets a mishap. */
  readonly rate: number
  readonly onMishap: (mishap: Mishap, named: readonly string[]) => void
  /** The work was done and nobody waits for the answer any more. */
  readonly onLost: (named: readonly string[]) => void
}

const ROWS = ['users', 'events', 'subscribers', 'updateSubscriptionsRequests'] as const
const LISTS = ['invalidData', 'forgotten', 'conflict', 'invalid'] as const

/** A `fetch` to the fake in this process, over a net on which things go wrong. */
export function faultyFetch(options: NetOptions): typeof globalThis.fetch {
  const { fake, time, random } = options
  return async (input) => {
    const request = input as Request
    time.arrived()
    const body = await whileBusy(time, async () => new Uint8Array(await request.arrayBuffer()))
    if ((await time.wait(random() * 300, request.signal)) === 'aborted') throw new TypeError('aborted')
    const mishap = random() < options.rate ? MISHAPS[Math.floor(random() * MISHAPS.length)] : undefined
    const named = scripted(mishap, namedBy(request, body), options)
    if (mishap === 'no such host') throw new TypeError('fetch failed', { cause: { code: 'ENOTFOUND' } })
    const url = new URL(request.url)
    const headers = { ...Object.fromEntries(request.headers), host: url.host }
    const path = url.pathname + url.search
    const before = { ...fake.faults.hits }
    const answer = await whileBusy(time, () => fake.handle({ method: request.method, path, headers, body }))
    fake.faults.clear()
    const isHit = mishap !== undefined && !isOwn(mishap) && fake.faults.hits[mishap] !== before[mishap]
    if (isHit) options.onMishap(mishap, named)
    const late = mishap === 'slower than the deadline' ? 60_000 : random() * 300
    if ((await time.wait(late, request.signal)) === 'aborted') {
      options.onLost(namedBy(request, body))
      throw new TypeError('aborted')
    }
    return received(answer, request.signal)
  }
}

async function whileBusy<T>(time: SimulatedTime, work: () => Promise<T>): Promise<T> {
  time.busy += 1
  try {
    return await work()
  } finally {
    time.busy -= 1
  }
}

/** Says what is to befall the next request, and gives the addresses that it will be about. */
function scripted(
  mishap: Mishap | undefined,
  addresses: readonly string[],
  { fake, random, onMishap }: NetOptions,
): readonly string[] {
  if (mishap === undefined) return []
  if (isOwn(mishap)) {
    onMishap(mishap, addresses)
    return addresses
  }
  if (mishap !== 'failed rows') {
    fake.faults.next(undefined, mishap)
    return addresses
  }
  const named = addresses.filter(() => random() < 0.5)
  const sort = LISTS[Math.floor(random() * LISTS.length)]
  const list = `${sort}${named[0]?.includes('@') ? 'Emails' : 'UserIds'}`
  if (named.length > 0) fake.faults.next(undefined, { kind: mishap, addresses: named, list })
  return named
}

const isOwn = (mishap: Mishap): mishap is (typeof OWN)[number] => (OWN as readonly string[]).includes(mishap)

/** Whom or what a request is about, as it is stored: a failure list names them so. */
function namedBy({ url, method }: Request, body: Uint8Array): readonly string[] {
  const last = decodeURIComponent(new URL(url).pathname.split('/').at(-1) as string)
  if (body.length === 0) return method === 'DELETE' ? [last] : []
  const json = JSON.parse(new TextDecoder().decode(body)) as JsonObject
  const items = Object.keys((json.documents ?? {}) as JsonObject).concat((json.itemIds ?? []) as string[])
  if (items.length > 0) return items.map((item) => `shoes/${item}`)
  const rows = ROWS.flatMap((name) => (json[name] ?? []) as readonly JsonObject[])
  const named = rows.length > 0 ? rows : [(json.user ?? json) as JsonObject]
  return named.flatMap(({ email, userId, currentEmail }) => {
    const address = email ?? userId ?? currentEmail
    return typeof address === 'string' ? [address] : []
  })
}

type Handled = Awaited<ReturnType<FakeIterable['handle']>>

function received({ how, status, headers, body }: Handled, signal: AbortSignal): Response | Promise<Response> {
  if (how === 'reset') throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })
  if (how === 'silence') {
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new TypeError('aborted'))))
  }
  const first = new TextEncoder().encode(body.slice(0, 1))
  const stalled = () => new ReadableStream({ start: (stream) => stream.enqueue(first) })
  return new Response(how === 'stall' ? stalled() : body, { status, headers: { ...headers } })
}
