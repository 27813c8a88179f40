import { describe, expect, test } from 'vitest'
import type { Delivery, Prepared } from '../../src/destinations/destination.js'
import { LakeloopError } from '../../src/errors.js'
import type { Action, ActionBlock } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import type { Outcome } from '../../src/model/outcome.js'
import { deliver } from '../../src/sync/deliver.js'
import { Dispatcher, type Settled } from '../../src/sync/dispatch.js'
import { RETRY_LIMITS } from '../../src/sync/retry.js'
import { type Knob, RecordingDestination } from './recording-destination.js'
import { VirtualClock } from './virtual-clock.js'

const profile = (email: string, score = 1): Action => ({
  kind: 'profile',
  identifiers: { email },
  dataFields: { score },
})
const scoreOf = (action: unknown): number => (action as { dataFields: { score: number } }).dataFields.score
const people = (count: number): Action[] => Array.from({ length: count }, (_, n) => profile(`p${n}@example.com`, n))
const statuses = (outcomes: readonly Outcome[]): string => outcomes.map(({ status }) => status[0]).join('')

async function sendWith(knob: Knob, actions: readonly Action[], sizeMax = 4) {
  const destination = new RecordingDestination({ sizeMax, knob })
  const clock = new VirtualClock()
  const outcomes = await deliver(destination, actions, { clock })
  return { destination, clock, outcomes }
}

describe('deliver()', () => {
  test('gives one outcome per action, in order [I4]', async () => {
    const odd: Knob = ({ rows }) =>
      rows.map(
        ({ action }): Outcome =>
          scoreOf(action) % 2
            ? { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }
            : { status: 'accepted' },
      )
    const { outcomes } = await sendWith(odd, people(10))
    expect(statuses(outcomes)).toBe('ararararar')
  })

  test('asks an unclear answer again, with the same bytes [I10]', async () => {
    const { destination, outcomes } = await sendWith(
      (_, nth) => (nth < 2 ? Promise.reject(new LakeloopError('DESTINATION_ANSWER_UNCLEAR')) : undefined),
      people(3),
    )
    expect(statuses(outcomes)).toBe('aaa')
    expect(new Set(destination.sent.map(({ body }) => Buffer.from(body).toString()))).toHaveProperty('size', 1)
    expect(destination.sent).toHaveLength(3)
  })

  test('gives up after six unclear answers, and says who was asked [I12]', async () => {
    const unreachable: Knob = () => Promise.reject(new LakeloopError('DESTINATION_UNREACHABLE'))
    await expect(sendWith(unreachable, people(1))).rejects.toMatchObject({
      code: 'RETRIES_SPENT',
      facts: { endpoint: 'apply', attempts: 6, last: 'DESTINATION_UNREACHABLE' },
    })
  })

  test('waits as long as it is told to, and no longer than 60 s', async () => {
    const { clock } = await sendWith(
      (_, nth) =>
        nth === 0 ? Promise.reject(new LakeloopError('DESTINATION_THROTTLED', { afterMs: 9_000 })) : undefined,
      people(1),
    )
    expect(clock.slept).toEqual([9_000])
  })

  test('finds the one row that spoils a request, and the others arrive', async () => {
    const poison = 'p5@example.com'
    const { outcomes, destination } = await sendWith(
      ({ rows }) =>
        rows.some(({ address }) => address === poison)
          ? Promise.reject(new LakeloopError('REQUEST_REFUSED', { endpoint: 'apply', problem: 'BadParams' }))
          : undefined,
      people(8),
      8,
    )
    expect(statuses(outcomes)).toBe('aaaaaraa')
    expect(outcomes[5]).toMatchObject({ reason: { code: 'ROW_REFUSED' } })
    expect(destination.sent.length).toBeLessThanOrEqual(2 * Math.log2(8) + 1)
  })

  test('does not call rows rejected when looking for the bad ones has cost too much', async () => {
    const refuse: Knob = () => Promise.reject(new LakeloopError('REQUEST_REFUSED', { endpoint: 'apply' }))
    const destination = new RecordingDestination({ sizeMax: 64, knob: refuse })
    const spent = deliver(destination, people(64), { clock: new VirtualClock(), limits: { splitsMax: 10 } })
    await expect(spent).rejects.toMatchObject({ code: 'SPLITS_SPENT' })
  })

  test('opening the destination is asked again too', async () => {
    const destination = new RecordingDestination()
    const open = destination.open.bind(destination)
    let times = 0
    destination.open = () => (++times < 3 ? Promise.reject(new LakeloopError('DESTINATION_UNREACHABLE')) : open())
    const outcomes = await deliver(destination, people(1), { clock: new VirtualClock() })
    expect([times, statuses(outcomes)]).toEqual([3, 'a'])
  })

  test('a refused credential stops everything at once', async () => {
    const refuse: Knob = () => Promise.reject(new LakeloopError('DESTINATION_UNAUTHORIZED', { endpoint: 'apply' }))
    const destination = new RecordingDestination({ knob: refuse })
    await expect(deliver(destination, people(2), { clock: new VirtualClock() })).rejects.toMatchObject({
      code: 'DESTINATION_UNAUTHORIZED',
    })
    expect(destination.sent).toHaveLength(1)
  })

  test('a connector that loses count is stopped', async () => {
    const short: Knob = () => [{ status: 'accepted' }]
    await expect(sendWith(short, people(3))).rejects.toMatchObject({ code: 'DESTINATION_MISCOUNTED' })
  })

  test('two requests of one address are never on their way at once, bisection included [I6]', async () => {
    const actions = [profile('a@example.com', 1), profile('b@example.com', 2), profile('a@example.com', 3)]
    const order: number[] = []
    let held: (() => void) | undefined
    const knob: Knob = (request) => {
      const score = scoreOf(request.rows[0]?.action)
      order.push(score)
      if (score !== 1 || held !== undefined) return undefined
      return new Promise<never>((_, reject) => {
        held = () => reject(new LakeloopError('DESTINATION_UNREACHABLE', { endpoint: 'apply' }))
        setImmediate(() => setImmediate(held as () => void))
      })
    }
    const { destination } = await sendWith(knob, actions, 1)
    expect(order.indexOf(3)).toBeGreaterThan(order.lastIndexOf(1))
    expect(destination.profiles().get('a@example.com')).toEqual({ score: 3 })
  })

  test('deliver() has several requests on their way at once, and never two of one person, however they are spelled [I6]', async () => {
    const flying: string[] = []
    let [most, doubled] = [0, 0]
    const destination = new RecordingDestination({ sizeMax: 1 })
    destination.knob = async ({ rows: [row] }) => {
      const address = String(row?.address).trim().toLowerCase()
      doubled += Number(flying.includes(address))
      most = Math.max(most, flying.push(address))
      for (let turns = 0; turns < 5; turns += 1) await Promise.resolve()
      flying.splice(flying.indexOf(address), 1)
      return undefined as never
    }
    const emails = [
      'a@example.com',
      'b@example.com',
      ' A@example.com',
      'c@example.com',
      'B@Example.com ',
      'a@example.com',
    ]
    const actions = emails.map((email, nth) => ({
      kind: 'profile' as const,
      identifiers: { email },
      dataFields: { nth },
    }))
    await deliver(destination, actions, { concurrency: 3 })
    expect([most, doubled]).toEqual([3, 0])
  })

  test('large bodies do not start in one turn of the host’s loop', async () => {
    const destination = new RecordingDestination({ sizeMax: 1 })
    const started: number[] = []
    let turns = 0
    let turning = setImmediate(function turn() {
      turns += 1
      turning = setImmediate(turn)
    })
    destination.knob = async () => {
      started.push(turns)
      return undefined as never
    }
    const text = 'x'.repeat(300_000)
    const large = [0, 1, 2, 3].map(
      (n): Action => ({ kind: 'profile', identifiers: { email: `p${n}@example.com` }, dataFields: { text } }),
    )
    await deliver(destination, large, { concurrency: 4 }).finally(() => clearImmediate(turning))
    expect(new Set(started).size).toBe(4)
  })

  test('who moves to an address waits for who moves away from it [I6]', async () => {
    const destination = new RecordingDestination({ sizeMax: 1 })
    destination.knob = async (_, nth) => {
      for (let turns = 0; turns < 9 - 4 * nth; turns += 1) await Promise.resolve()
      return undefined as never
    }
    const moves = [
      ['b@example.com', 'c@example.com'],
      ['a@example.com', 'b@example.com'],
    ].map(([from = '', to = '']) => ({ kind: 'addressChange' as const, identifiers: { email: from }, from, to }))
    const { signal } = new AbortController()
    const dispatcher = new Dispatcher({
      delivery: await destination.open(),
      clock: new VirtualClock(),
      limits: RETRY_LIMITS,
      signal,
      concurrency: 4,
    })
    const block = actionBlock(
      moves,
      moves.map(({ from }) => ({ address: from })),
    )
    await dispatcher.send(block, { onSettled: async () => undefined })
    expect(destination.applied.map(({ address }) => address)).toEqual(['b@example.com', 'a@example.com'])
  })

  test('deliver() puts an item of a catalog before it takes it away again [I6]', async () => {
    const destination = new RecordingDestination({ sizeMax: 1 })
    const kind = 'catalogItem' as const
    const item = { kind, identifiers: {}, catalog: 'shoes', item: 'a' }
    destination.knob = async (_, nth) => {
      for (let turns = 0; turns < 9 - nth; turns += 1) await Promise.resolve()
      return undefined as never
    }
    await deliver(destination, [
      { ...item, dataFields: { size: 1 } },
      { ...item, catalog: 'Shoes', remove: true },
    ])
    expect(destination.applied.map(({ action }) => 'remove' in action)).toEqual([false, true])
  })

  test('what follows a request of its address that was never settled is not sent either: the next run sends both [I6]', async () => {
    const actions = [profile('a@example.com', 1), profile('b@example.com', 2), profile('a@example.com', 3)]
    const knob: Knob = (request) =>
      scoreOf(request.rows[0]?.action) === 1
        ? Promise.reject(new LakeloopError('DESTINATION_UNREACHABLE', { endpoint: 'apply' }))
        : undefined
    const destination = new RecordingDestination({ sizeMax: 1, knob })
    const [clock, signal] = [new VirtualClock(), new AbortController().signal]
    const delivery = await destination.open()
    const dispatcher = new Dispatcher({ delivery, clock, limits: RETRY_LIMITS, signal, concurrency: 4 })
    const settled: number[] = []
    const onSettled = async ({ outcomes }: Settled): Promise<void> => {
      for (const [action] of outcomes) settled.push(action)
    }
    const addresses = actions.map(({ identifiers }) => ({ address: identifiers.email }))
    const spent = { code: 'RETRIES_SPENT' }
    await expect(dispatcher.send(actionBlock(actions, addresses), { onSettled })).rejects.toMatchObject(spent)
    const later = actionBlock([profile('a@example.com', 4)], [{ address: 'a@example.com' }])
    await expect(dispatcher.send(later, { onSettled })).rejects.toMatchObject(spent)
    expect(settled).toEqual([1])
    expect([...destination.profiles().keys()]).toEqual(['b@example.com'])
  })

  test('a block with a refused action is not overtaken by the next one while the refusal is written down [I6]', async () => {
    const destination = new RecordingDestination({ sizeMax: 1 })
    const whole = await destination.open()
    const refusal = { action: 0, reason: { code: 'EMAIL_INVALID', facts: {} } }
    const prepare = async (block: ActionBlock): Promise<Prepared> => {
      const { requests } = await whole.prepare(block)
      return block.length < 2 ? { requests, refused: [] } : { requests: requests.slice(1), refused: [refusal] }
    }
    const [clock, signal] = [new VirtualClock(), new AbortController().signal]
    const delivery = { ...whole, prepare }
    const dispatcher = new Dispatcher({ delivery, clock, limits: RETRY_LIMITS, signal, concurrency: 4 })
    const blockOf = (...scores: number[]) =>
      actionBlock(
        scores.map((score) => profile('a@example.com', score)),
        scores.map(() => ({ address: 'a@example.com' })),
      )
    const onSettled = () => new Promise<void>((resolve) => setImmediate(resolve))
    await Promise.all([blockOf(1, 2), blockOf(3)].map((block) => dispatcher.send(block, { onSettled })))
    expect(destination.profiles().get('a@example.com')).toEqual({ score: 3 })
  })

  /** A dispatcher over a destination that prepares as it is told, and blocks for one address. */
  async function preparing(prepare: (block: ActionBlock, whole: Delivery) => Promise<Prepared>) {
    const destination = new RecordingDestination({ sizeMax: 1 })
    const whole = await destination.open()
    const delivery: Delivery = { ...whole, prepare: (block) => prepare(block, whole) }
    const [clock, signal] = [new VirtualClock(), new AbortController().signal]
    const dispatcher = new Dispatcher({ delivery, clock, limits: RETRY_LIMITS, signal, concurrency: 4 })
    const send = (...scores: number[]) => {
      const actions = scores.map((score) => profile('a@example.com', score))
      const addresses = scores.map(() => ({ address: 'a@example.com' }))
      return dispatcher.send(actionBlock(actions, addresses), { onSettled: async () => undefined })
    }
    return { destination, send }
  }

  test('a block that is prepared quickly does not overtake one that takes long [I6]', async () => {
    const { destination, send } = await preparing(async (block, whole) => {
      for (let turn = 0; turn < block.length * 5; turn++) await new Promise((resolve) => setImmediate(resolve))
      return whole.prepare(block)
    })
    await Promise.all([send(1, 2, 3), send(4)])
    expect(destination.applied.map(({ action }) => scoreOf(action))).toEqual([1, 2, 3, 4])
  })

  test('nothing is sent behind a block that cannot be prepared [I6]', async () => {
    const { destination, send } = await preparing(async (block, whole) => {
      await new Promise((resolve) => setImmediate(resolve))
      if (block.length === 2) throw new LakeloopError('CLOSED', { part: 'it' })
      return whole.prepare(block)
    })
    const ends = await Promise.allSettled([send(1), send(2, 3), send(4)])
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    await expect(send(5)).rejects.toThrow('CLOSED')
    expect(destination.applied.map(({ action }) => scoreOf(action))).toEqual([1])
  })
})
