import { expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Row } from '../../src/model/row.js'
import { World } from './world.js'

const HOME = 'home@example.com'
const row = (id: string, email: string, score: number): Row => ({ id, email, score })

function household(): { readonly world: World; readonly run: (rows: readonly Row[]) => Promise<object> } {
  const world = new World()
  const identity = new IdentityResolver({
    store: world.store,
    target: 'email',
    onTargetClaimed: 'share',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: 1 }, email: { priority: 2 } },
  })
  return { world, run: async (rows) => (await world.sync(rows, { identity }).run()).rows }
}
const moves = ({ destination }: World) => destination.applied.filter(({ action }) => action.kind === 'addressChange')

test('two people with one mailbox are both written to, and the list keeps it until the last one leaves', async () => {
  const { world, run } = household()
  const cat = row('cat', 'cat@example.com', 0.9)
  expect(await run([row('ann', HOME, 0.9), row('bob', HOME, 0.8), cat])).toMatchObject({ accepted: 3, parked: 0 })
  expect(world.destination.members('at-risk')).toContain(HOME)
  await run([row('ann', HOME, 0.9), row('bob', HOME, 0.1), cat])
  expect(world.destination.members('at-risk')).toContain(HOME)
  await run([row('ann', HOME, 0.1), row('bob', HOME, 0.1), cat])
  expect(world.destination.members('at-risk')).toEqual(new Set(['cat@example.com']))
})

test('when both get an own address only the one whose it was takes its user along', async () => {
  const { world, run } = household()
  await run([row('ann', HOME, 0.9), row('bob', HOME, 0.8)])
  await run([row('ann', 'ann@example.com', 0.9), row('bob', 'bob@example.com', 0.8)])
  expect(moves(world).map(({ action }) => action)).toMatchObject([{ from: HOME, to: 'ann@example.com' }])
  expect(world.destination.members('at-risk')).toContain('bob@example.com')
})

test.each([['ann'], ['bob']])('when %s gets an own address nobody is moved, and the other stays', async (mover) => {
  const { world, run } = household()
  const other = mover === 'ann' ? 'bob' : 'ann'
  await run([row('ann', HOME, 0.9), row('bob', HOME, 0.8)])
  await run([row(mover, 'own@example.com', 0.9), row(other, HOME, 0.8)])
  await run([row(mover, 'own@example.com', 0.9), row(other, HOME, 0.7)])
  expect(moves(world)).toEqual([])
  expect(world.destination.profiles().get('own@example.com')).toMatchObject({ score: 0.9 })
  expect(world.destination.profiles().get(HOME)).toMatchObject({ score: 0.7 })
  expect(world.destination.members('at-risk')).toEqual(new Set(['own@example.com']))
})
