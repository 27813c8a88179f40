import { expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import type { Row } from '../../src/model/row.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { World } from './world.js'

const [OLD, NEW] = ['old@example.com', 'new@example.com']

/** A profile, and an order where the row has one. */
const transform = plainTransform(({ email, total }: Row): readonly Action[] => {
  const identifiers = { customer_id: 'c-1', ...(typeof email === 'string' ? { email } : {}) }
  const profile: Action = { kind: 'profile', identifiers, dataFields: { n: 1 } }
  return total === undefined
    ? [profile]
    : [
        profile,
        { kind: 'purchase', identifiers, total: Number(total), items: [] },
        { kind: 'event', identifiers, eventName: 'ordered' },
      ]
})

class DyingStore extends MemoryStore {
  dead = false

  override async commit(ops: Parameters<MemoryStore['commit']>[0]): Promise<void> {
    if (this.dead) throw new LakeloopError('STORE_FAILED')
    return super.commit(ops)
  }
}

function world() {
  const store = new DyingStore()
  const destination = new RecordingDestination({ sizeMax: 1 })
  const made = new World({ store, destination })
  const run = async (...rows: Row[]) => await made.sync(rows, { transform, complete: false }).run()
  return { ...made, identity: made.identity, store, destination, run, clock: made.clock }
}

const order = (email: string): Row => ({ id: 'r-1', email, total: 9 })

test.each([1, 2, 3])(
  'an address that a row showed between two others is not kept because they stood in one page of %d [I5]',
  async (pageSize) => {
    const made = new World()
    const rows = [OLD, 'between@example.com', NEW].map((email) => ({ id: 'r-1', email }))
    await made.sync(rows, { transform, complete: false, pageSize }).run()
    const [found] = await made.identity.resolve([{ customer_id: 'c-1' }], { project: 'test' })
    expect(found).toMatchObject({ address: NEW, alternatives: [] })
  },
)

test('what happened once is not told a second time because its person has moved', async () => {
  const { destination, run } = world()
  await run(order(OLD))
  expect(await run(order(NEW))).toMatchObject({ status: 'complete', retargeted: 1 })
  const sent = destination.applied.map(({ address, action: { kind } }) => `${kind} ${address}`)
  const first = ['profile', 'purchase', 'event'].map((kind) => `${kind} ${OLD}`)
  expect(sent).toEqual([...first, `addressChange ${OLD}`])
})

test('a purchase that was under way when its run died is looked up where its person has moved to [I2]', async () => {
  const { store, destination, run, clock } = world()
  await run({ id: 'r-1', email: OLD })
  destination.knob = ({ rows: [row] }) => {
    if (row?.action.kind !== 'purchase') return undefined
    store.dead = true
    throw new LakeloopError('DESTINATION_UNAUTHORIZED', {})
  }
  await run(order(OLD)).catch(() => undefined)
  store.dead = false
  destination.knob = () => undefined
  clock.advance(120_000)
  const from = destination.sent.length
  expect(await run(order(NEW))).toMatchObject({ status: 'complete', retargeted: 1 })
  const sent = destination.sent.slice(from).map(({ rows: [row] }, at) => {
    return [row?.action.kind, row?.address, destination.again[from + at]]
  })
  expect(sent).toContainEqual(['purchase', NEW, true])
})
