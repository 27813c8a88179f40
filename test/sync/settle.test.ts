import { expect, test } from 'vitest'
import type { Row } from '../../src/model/row.js'
import { plainTransform } from './plain-transform.js'
import { VirtualClock } from './virtual-clock.js'
import { scoreAndList, World } from './world.js'

/** Sleeps any time at once, and writes it down. */
class QuickClock extends VirtualClock {
  override async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || ms <= 0) return
    this.slept.push(ms)
    this.advance(ms)
  }
}

/** What the destination was asked, and how long was slept between. */
function watched(world: World, clock: QuickClock): string[] {
  const told: string[] = []
  world.destination.knob = ({ rows }) => {
    const slept = clock.slept.splice(0).filter((ms) => ms > 1_000)
    told.push(...slept.map((ms) => `sleep ${ms}`), rows.map(({ action }) => action.kind)[0] ?? '')
    return undefined
  }
  return told
}

const at = (email: string) => [
  { namespace: 'customer_id', value: 'c-1' },
  { namespace: 'email', value: email },
]

test('the first address is added only when the profiles accepted last have settled', async () => {
  const world = new World()
  const clock = new QuickClock()
  const told = watched(world, clock)
  await world.sync([{ id: 'c-1', email: 'ann@example.com', score: 0.9 }], { clock, settleMs: 60_000 }).run()
  expect(told).toEqual(['profile', 'sleep 60000', 'membership'])
})

test('a profile that was parked is not subscribed before it has settled', async () => {
  const world = new World()
  const rows: Row[] = [{ id: 'c-1', score: 0.9 }]
  const clock = new QuickClock()
  const options = { clock, settleMs: 60_000, complete: false, transform: plainTransform(scoreAndList, []) }
  await world.sync(rows, options).run()
  await world.identity.observe([{ source: 'crm', key: '1', observedAt: null, ids: at('ann@example.com') }])
  const told = watched(world, clock)
  expect(await world.sync([], options).run()).toMatchObject({ unparked: 2 })
  expect(told).toEqual(['profile', 'sleep 60000', 'membership'])
})

test('a run that goes on after a crash waits as if it had written just now', async () => {
  const world = new World()
  const clock = new QuickClock()
  let lists = 0
  world.destination.knob = ({ rows }) => {
    if (rows[0]?.action.kind === 'membership' && lists++ === 0) throw new Error('the process dies here')
    return undefined
  }
  const rows: Row[] = [{ id: 'c-1', email: 'ann@example.com', score: 0.9 }]
  expect((await world.sync(rows, { clock, settleMs: 60_000 }).run()).status).toBe('failed')
  clock.slept.splice(0)
  const told = watched(world, clock)
  expect((await world.sync(rows, { clock, settleMs: 60_000 }).run()).status).toBe('complete')
  expect(told.filter((one) => one !== 'profile')).toEqual(['sleep 60000', 'membership'])
})
