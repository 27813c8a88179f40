import assert from 'node:assert/strict'
import type { PreparedRequest } from '../destinations/destination.js'
import { isLakeloopError } from '../errors.js'
import type { Action } from '../model/action.js'
import { actionBlock } from '../model/action-block.js'
import type { Json } from '../model/value.js'
import { block, type DestinationCase, opened, signal } from './destination-case.js'
import { EFFECTS } from './destination-effect-cases.js'

const NOBODY: Action = { kind: 'profile', identifiers: {} }

const sorted = (indexes: readonly number[]): readonly number[] => [...indexes].sort((left, right) => left - right)
const upTo = (length: number): readonly number[] => Array.from({ length }, (_, index) => index)
const shown = (requests: readonly PreparedRequest[]): readonly string[] =>
  requests.map(({ endpoint, actions, body }) => `${endpoint} ${actions.join()} ${Buffer.from(body).toString('latin1')}`)

/** Fails unless `parts` hold the actions of `whole` once each, and each of them in the order they had. */
function assertParts(whole: PreparedRequest, parts: readonly PreparedRequest[]): void {
  assert.ok(parts.length >= 2, 'a request of several actions is split into two or more')
  const all = parts.flatMap((part) => part.actions)
  assert.deepEqual(sorted(all), sorted(whole.actions), 'the parts hold every action once')
  for (const { actions } of parts) {
    assert.ok(actions.length > 0, 'no part is empty')
    const places = actions.map((action) => whole.actions.indexOf(action))
    assert.deepEqual(places, sorted(places), 'a part keeps the order')
  }
}

/** What every destination must keep. Give each case a fresh setup. */
export const destinationConformance: readonly DestinationCase[] = [
  {
    name: 'prepare: every action stands once, in one request or among the refused [I4]',
    run: (make) =>
      opened(make, async (delivery, setup) => {
        const actions = [setup.action(0), NOBODY, setup.action(1), setup.action(0), setup.action(2)]
        const { requests, refused } = await delivery.prepare(actionBlock(actions))
        const all = [...requests.flatMap((request) => request.actions), ...refused.map((refusal) => refusal.action)]
        assert.deepEqual(sorted(all), upTo(actions.length))
        for (const { reason } of refused) assert.equal(typeof reason.code, 'string')
      }),
  },
  {
    name: 'prepare: an empty block makes no request',
    run: (make) =>
      opened(make, async (delivery) => {
        assert.deepEqual(await delivery.prepare(actionBlock([])), { requests: [], refused: [] })
      }),
  },
  {
    name: 'prepare: the same actions give the same bytes, before and after sending [I9]',
    run: (make) =>
      opened(make, async (delivery, setup) => {
        const actions = block(setup, 20)
        const first = await delivery.prepare(actions)
        const before = shown(first.requests)
        for (const request of first.requests) await delivery.apply(request, signal())
        assert.deepEqual(shown((await delivery.prepare(actions)).requests), before)
        assert.deepEqual(shown(first.requests), before, 'a request is not changed by being sent')
      }),
  },
  {
    name: 'prepare: endpoints and reasons name nobody [I7]',
    run: (make) =>
      opened(make, async (delivery, setup) => {
        const actions = [setup.action(0), setup.action(1), NOBODY]
        const { requests, refused } = await delivery.prepare(actionBlock(actions))
        const text = JSON.stringify([requests.map((request) => request.endpoint), refused])
        for (const value of actions.flatMap((action) => Object.values(action.identifiers))) {
          assert.ok(!text.includes(value), 'an identifier stands in an endpoint or a reason')
        }
      }),
  },
  {
    name: 'foresee: the same before and after sending, a pace above nothing, and nobody named [I7] [I9]',
    run: (make) =>
      opened(make, async (delivery, setup) => {
        const actions = [setup.action(0), setup.action(1), setup.action(2)]
        const { requests } = await delivery.prepare(actionBlock(actions))
        const foreseen = () => requests.map((request) => delivery.foresee?.(request))
        const before = foreseen()
        for (const request of requests) await delivery.apply(request, signal())
        assert.deepEqual(foreseen(), before)
        const text = JSON.stringify(before)
        for (const value of actions.flatMap((action) => Object.values(action.identifiers))) {
          assert.ok(!text.includes(value), 'an identifier stands in what is foreseen')
        }
        for (const { creates, perSecond = 1 } of before.filter((one) => one !== undefined)) {
          assert.ok(perSecond > 0 && Number.isFinite(perSecond), 'a pace is above nothing')
          for (const { kind, name } of creates) {
            assert.ok(['list', 'field', 'catalog'].includes(kind), 'a kind of thing that is known')
            assert.ok(typeof name === 'string' && name !== '', 'a thing has a name')
          }
        }
      }),
  },
  {
    name: 'split: halves hold every action in order, down to single ones',
    run: (make) =>
      opened(make, async (delivery, setup) => {
        const pending = [...(await delivery.prepare(block(setup, 16))).requests]
        for (let request = pending.shift(); request !== undefined; request = pending.shift()) {
          const parts = delivery.split(request, { kind: 'halves' })
          assert.deepEqual(shown(delivery.split(request, { kind: 'halves' })), shown(parts), 'split is pure')
          if (request.actions.length === 1) {
            assert.deepEqual(shown(parts), shown([request]), 'a single action is not split')
            continue
          }
          assertParts(request, parts)
          assert.deepEqual(
            parts.flatMap((part) => part.actions),
            request.actions,
          )
          pending.push(...parts)
        }
      }),
  },
  {
    name: 'split: suspects stand apart from the rest',
    run: (make) =>
      opened(make, async (delivery, setup) => {
        for (const request of (await delivery.prepare(block(setup, 16))).requests) {
          if (request.actions.length < 3) continue
          const suspect = request.actions[1] as number
          const parts = delivery.split(request, { kind: 'suspects', actions: [suspect] })
          assertParts(request, parts)
          const its = parts.find((part) => part.actions.includes(suspect))
          assert.ok(its !== undefined && its.actions.length < request.actions.length)
        }
      }),
  },
  {
    name: 'apply: one outcome per action, and good ones are accepted',
    run: (make) =>
      opened(make, async (delivery, setup) => {
        const { requests } = await delivery.prepare(block(setup, 20))
        for (const request of requests) {
          const outcomes = await delivery.apply(request, signal())
          assert.equal(outcomes.length, request.actions.length)
          assert.ok(outcomes.every(({ status }) => status === 'accepted' || status === 'unchanged'))
        }
      }),
  },
  {
    name: 'apply: the same request again changes nothing [I2]',
    run: (make) =>
      opened(make, async (delivery, setup) => {
        const { requests } = await delivery.prepare(block(setup, 5))
        for (const request of requests) await delivery.apply(request, signal())
        const once = await setup.state?.()
        for (const request of requests) await delivery.apply(request, signal())
        assert.deepEqual(await setup.state?.(), once)
      }),
  },
  {
    name: 'apply: the parts of a request do what the request does [I2]',
    async run(make) {
      const held: (Json | undefined)[] = []
      for (const inParts of [false, true]) {
        await opened(make, async (delivery, setup) => {
          const { requests } = await delivery.prepare(block(setup, 5))
          const sent = inParts ? requests.flatMap((request) => delivery.split(request, { kind: 'halves' })) : requests
          for (const request of sent) await delivery.apply(request, signal())
          held.push(await setup.state?.())
        })
      }
      assert.deepEqual(held[1], held[0])
    },
  },
  {
    name: 'a refused credential halts the run: no row is at fault',
    run: (make) =>
      opened(make, async (delivery, setup) => {
        if (setup.revoke === undefined) return
        const [request] = (await delivery.prepare(block(setup, 1))).requests
        assert.ok(request !== undefined)
        await setup.revoke()
        const halts = (error: unknown) => isLakeloopError(error) && error.remedy === 'halt'
        await assert.rejects(delivery.apply(request, signal()), halts)
        await assert.rejects(setup.destination.open(signal()), halts)
      }),
  },
  {
    name: 'close: twice is once, and what was learned comes back at the next open',
    async run(make) {
      const { destination } = await make()
      const delivery = await destination.open(signal())
      const learned = await delivery.close()
      assert.deepEqual(JSON.parse(JSON.stringify(learned)), learned, 'what was learned is a JSON object')
      await delivery.close()
      await (await destination.open(signal(), learned)).close()
      await destination.close()
      await destination.close()
    },
  },
  ...EFFECTS,
]
