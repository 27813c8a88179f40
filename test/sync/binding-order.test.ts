import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import type { Row } from '../../src/model/row.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { World } from './world.js'

const [OLD, NEW] = ['old@example.com', 'new@example.com']
const transform = plainTransform(({ who, email, n }: Row): readonly Action[] => {
  const identifiers = { customer_id: String(who), ...(typeof email === 'string' ? { email } : {}) }
  return [{ kind: 'profile', identifiers, dataFields: { n: n ?? null } }]
})

/** What arrives, in order, and what is bound, where answers about one address take so many turns of the loop longer. */
async function sent(rows: readonly Row[], slow: string, pageSize: number) {
  const destination = new RecordingDestination({
    sizeMax: 1,
    knob: (async ({ rows: [row] }: { rows: readonly { address: string }[] }) => {
      for (let turn = 0; row?.address === slow && turn < 200; turn += 1) await setImmediate()
    }) as never,
  })
  const world = new World({ destination })
  const sync = world.sync(rows, { transform, complete: false, pageSize, concurrency: 2 })
  expect(await sync.run()).toMatchObject({ status: 'complete' })
  const bindings = await world.store.scan('binding', { prefix: ['test'], limit: 10 })
  const applied = destination.applied.map(({ address, action: { kind } }) => `${kind} ${address}`)
  return { applied, bound: bindings.map(({ value }) => (value as { address: string }).address) }
}

test.each([OLD, NEW])(
  'two rows of one key with two addresses do not leave the binding that was answered last: slow for %s [I9]',
  async (slow) => {
    const rows = [OLD, NEW].map((email, n) => ({ id: 'r-1', who: 'c-1', email, n }))
    const { applied, bound } = await sent(rows, slow, 1)
    expect(bound).toEqual([NEW])
    expect(applied).toEqual([`profile ${OLD}`, `addressChange ${OLD}`, `profile ${NEW}`])
  },
)

test.each([OLD, NEW])(
  'two rows of one person with two addresses go where the first was accepted, however slow: %s [I9]',
  async (slow) => {
    const rows = [OLD, NEW].map((email, n) => ({ id: `r-${n}`, who: 'c-1', email, n }))
    const { applied, bound } = await sent(rows, slow, 1)
    expect(bound).toEqual([OLD])
    expect(applied).toEqual([`profile ${OLD}`, `profile ${OLD}`])
  },
)
