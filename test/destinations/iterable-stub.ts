import {
  IterableDestination,
  type IterableDestinationOptions,
} from '../../src/destinations/iterable/iterable-destination.js'
import type { Action } from '../../src/model/action.js'
import { type ActionOrigin, actionBlock } from '../../src/model/action-block.js'
import type { JsonObject } from '../../src/model/value.js'
import type { Clock } from '../../src/transport/clock.js'

export interface SentRow {
  readonly email: string
  readonly id: string
  readonly dataFields: JsonObject
}

/** Whichever of them the body has. */
export interface SentBody {
  readonly users: readonly SentRow[]
  readonly events: readonly SentRow[]
  readonly subscribers: readonly SentRow[]
  readonly updateSubscriptionsRequests: readonly SentRow[]
  readonly listId: number
}

/** A request as the stub saw it. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly key: string | null
  readonly json: SentBody
  readonly text: string
}

export type Answer = Response | Error | ((seen: Seen) => Response | Error | Promise<Response>)

export const answer = (json: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(json), { status, headers: { 'content-type': 'application/json', ...headers } })

/** A bulk answer of the documented shape. Source: Iterable api-docs.json, recorded in rudder-transformer. */
export const bulk = (successCount: number, failCount = 0, more: object = {}): Response =>
  answer({ successCount, failCount, createdFields: [], filteredOutFields: [], failedUpdates: {}, ...more })

/** Time that stands still but for sleeping: a sleep is over at once and moves it on. Deadlines (30 s) never ring. */
export function instantClock(): Clock & { at: number } {
  const clock = {
    at: 1_000,
    now: () => clock.at,
    sleep(ms: number, signal: AbortSignal): Promise<void> {
      if (ms >= 30_000)
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))
      clock.at += ms
      return Promise.resolve()
    },
  }
  return clock
}

export interface StubOptions extends Partial<IterableDestinationOptions> {
  readonly fields?: Record<string, string>
  readonly knownLists?: readonly object[]
}

/** A destination over a script of answers by path; what is not scripted gets a plain success for the rows sent. */
export function stubbed(options: StubOptions = {}) {
  const { fields = {}, knownLists = [], ...rest } = options
  const seen: Seen[] = []
  const script = new Map<string, Answer[]>()
  const scripted = (path: string, ...answers: Answer[]): void => {
    script.set(path, [...(script.get(path) ?? []), ...answers])
  }
  const fetch = async (input: unknown): Promise<Response> => {
    const request = input as Request
    const url = new URL(request.url)
    const path = url.pathname.replace('/api/', '')
    const text = await request.text()
    const one: Seen = {
      method: request.method,
      path,
      key: request.headers.get('api-key'),
      json: JSON.parse(text === '' ? JSON.stringify(Object.fromEntries(url.searchParams)) : text),
      text,
    }
    seen.push(one)
    const next = script.get(`${one.method} ${path}`)?.shift() ?? script.get(path)?.shift()
    const given = typeof next === 'function' ? await next(one) : next
    if (given instanceof Error) throw given
    if (given !== undefined) return given
    if (path === 'users/getFields') return answer({ fields })
    if (path === 'lists' && one.method === 'GET') return answer({ lists: knownLists })
    if (path === 'lists') return answer({ listId: 900 })
    const { users, events, subscribers, updateSubscriptionsRequests } = one.json
    const rows = users ?? events ?? subscribers ?? updateSubscriptionsRequests
    return rows === undefined ? answer({ msg: '', code: 'Success', params: null }) : bulk(rows.length)
  }
  const destination = new IterableDestination({
    project: 'stub',
    apiKey: 'key-0123456789',
    dataCenter: 'us',
    projectType: 'email',
    fetch,
    clock: instantClock(),
    ...rest,
  })
  return { destination, seen, scripted, sent: (path: string) => seen.filter((one) => one.path === path) }
}

export const signal = new AbortController().signal

export const profile = (
  email: string,
  dataFields: JsonObject = { plan: 'pro' },
  more: Record<string, string> = {},
): Action => ({
  kind: 'profile',
  identifiers: { email, ...more },
  dataFields,
})
export const event = (email: string, eventName: string, more: object = {}): Action =>
  ({ kind: 'event', identifiers: { email }, eventName, ...more }) as Action
export const member = (email: string, list: string | number, is = true): Action => ({
  kind: 'membership',
  identifiers: { email },
  list,
  member: is,
})

/** Opens, prepares, and applies every request once. */
export async function delivered(
  stub: ReturnType<typeof stubbed>,
  actions: readonly Action[],
  origins: readonly ActionOrigin[] = [],
) {
  const delivery = await stub.destination.open(signal)
  const { requests, refused } = await delivery.prepare(actionBlock(actions, origins))
  const outcomes = []
  for (const request of requests) outcomes.push(await delivery.apply(request, signal))
  return { delivery, requests, refused, outcomes }
}
