import assert from 'node:assert/strict'
import type { Action } from '../model/action.js'
import { actionBlock } from '../model/action-block.js'
import type { Json } from '../model/value.js'
import { type DestinationCase, type DestinationSetup, opened, signal } from './destination-case.js'

type Make = () => Promise<DestinationSetup>

/** What a fresh account holds after these actions, each sent in a block of its own. `undefined` where it cannot be seen. */
async function stateAfter(
  make: Make,
  choose: (setup: DestinationSetup) => readonly Action[],
): Promise<Json | undefined> {
  let state: Json | undefined
  await opened(make, async (delivery, setup) => {
    for (const action of choose(setup)) {
      for (const request of (await delivery.prepare(actionBlock([action]))).requests)
        await delivery.apply(request, signal())
    }
    state = await setup.state?.()
  })
  return state
}

/** What an account holds afterwards: an answer alone says nothing. */
export const EFFECTS: readonly DestinationCase[] = [
  {
    name: 'apply: what was accepted is in the account, each person apart [I2]',
    async run(make) {
      const states = [
        await stateAfter(make, () => []),
        await stateAfter(make, ({ action }) => [action(0)]),
        await stateAfter(make, ({ action }) => [action(2)]),
        await stateAfter(make, ({ action }) => [action(0), action(2)]),
      ]
      if (states[0] === undefined) return
      const texts = states.map((state) => JSON.stringify(state))
      assert.equal(new Set(texts).size, texts.length, 'nothing, one, the other and both are four states')
    },
  },
  {
    name: 'apply: a later write takes the place of an earlier one, and brings its own values [I6]',
    async run(make) {
      const { again } = await make()
      if (again === undefined) return
      const earlier = await stateAfter(make, ({ action }) => [action(0)])
      const later = await stateAfter(make, (setup) => [setup.again?.(0) as Action])
      const both = await stateAfter(make, (setup) => [setup.action(0), setup.again?.(0) as Action])
      if (earlier === undefined) return
      assert.deepEqual(both, later)
      assert.notDeepEqual(earlier, later)
    },
  },
  {
    name: 'members: who was added to a list is there once it shows, and whoever left is not [I1]',
    async run(make) {
      await opened(make, async (delivery, setup) => {
        const { members, list } = setup
        if (members === undefined || list === undefined || delivery.members === undefined) return
        const there = async (): Promise<readonly string[]> => {
          const found: string[] = []
          for await (const part of delivery.members?.(list, signal()) ?? []) found.push(...part)
          return [...new Set(found)].sort()
        }
        const send = async (n: number, member: boolean): Promise<string> => {
          const block = actionBlock([{ ...members(n), list, member }])
          for (const request of (await delivery.prepare(block)).requests) await delivery.apply(request, signal())
          return block.identifiers(0)[setup.destination.addressedBy] ?? ''
        }
        assert.deepEqual(await there(), [])
        const both = [await send(0, true), await send(1, true)].sort()
        assert.deepEqual(await there(), both)
        const gone = await send(0, false)
        assert.deepEqual(
          await there(),
          both.filter((address) => address !== gone),
        )
      })
    },
  },
  {
    name: 'split: a part does what its own actions say, and nothing else [I2]',
    async run(make) {
      const alone = await stateAfter(make, ({ action }) => [action(0)])
      if (alone === undefined) return
      await opened(make, async (delivery, setup) => {
        const { requests } = await delivery.prepare(actionBlock([setup.action(0), setup.action(2)]))
        const whole = requests.find(({ actions }) => actions.length === 2)
        if (whole === undefined) return
        const part = delivery.split(whole, { kind: 'halves' }).find(({ actions }) => actions[0] === 0)
        assert.ok(part !== undefined)
        await delivery.apply(part, signal())
        assert.deepEqual(await setup.state?.(), alone)
      })
    },
  },
]
