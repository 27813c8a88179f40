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
    const body = await bodyOf(request, time)
    await wayOf(time, random() * 300, request)
    const mishap = random() < options.rate ? MISHAPS[Math.floor(random() * MISHAPS.length)] : undefined
    const named = scripted(mishap, namedBy(request, body), options)
    if (mishap === 'no such host') throw new TypeError('fetch failed', { cause: { code: 'ENOTFOUND' } })
    const before = { ...fake.faults.hits }
    const answer = await handled(request, body, options)
    fake.faults.clear()
    const isHit = mishap !== undefined && !isOwn(mishap) && fake.faults.hits[mishap] !== before[mishap]
    if (isHit) options.onMishap(mishap, named)
    const late = mishap === 'slower than the deadline' ? 60_000 : random() * 300
    await wayOf(time, late, request).catch((error: unknown) => {
      options.onLost(namedBy(request, body))
      throw error
    })
    return received(answer, request.signal)
  }
}

/** The same over a net on which nothing goes wrong; how long a request and its answer take is told. */
export function simulatedFetch(options: {
  readonly fake: FakeIterable
  readonly time: SimulatedTime
  goingMs(path: string): number
  comingMs(): number
}): typeof globalThis.fetch {
  const { time } = options
  return async (input) => {
    const request = input as Request
    const body = await bodyOf(request, time)
    await wayOf(time, options.goingMs(new URL(request.url).pathname), request)
    const answer = await handled(request, body, options)
    await wayOf(time, options.comingMs(), request)
    return received(answer, request.signal)
  }
}

async function bodyOf(request: Request, time: SimulatedTime): Promise<Uint8Array> {
  time.arrived()
  return whileBusy(time, async () => new Uint8Array(await request.arrayBuffer()))
}

async function wayOf(time: SimulatedTime, ms: number, { signal }: Request): Promise<void> {
  if ((await time.wait(ms, signal)) === 'aborted') throw new TypeError('aborted')
}

function handled(request: Request, body: Uint8Array, { fake, time }: Pick<NetOptions, 'fake' | 'time'>) {
  const url = new URL(request.url)
  const headers = { ...Object.fromEntries(request.headers), host: url.host }
  return whileBusy(time, () => fake.handle({ method: request.method, path: url.pathname + url.search, headers, body }))
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
