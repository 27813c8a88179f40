import { describe, expect, test } from 'vitest'
import type { Prepared } from '../../src/destinations/destination.js'
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
    const prepare = (block: ActionBlock): Prepared => {
      const { requests } = whole.prepare(block)
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
})
