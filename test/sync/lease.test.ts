import { expect, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import { Lease } from '../../src/sync/lease.js'
import { VirtualClock } from './virtual-clock.js'

const scope = { project: 'test', sync: 'churn' }
const put = { op: 'put', table: 'checkpoint', key: ['test', 'churn'], value: 1 } as const

test('a second run of the same sync is refused while the first one holds the lease', async () => {
  const store = new MemoryStore()
  const lease = await Lease.take(store, scope, new VirtualClock())
  await expect(Lease.take(store, scope, new VirtualClock())).rejects.toMatchObject({
    code: 'LEASE_HELD',
    facts: { sync: 'churn', afterMs: 60_000 },
  })
  await lease.release()
  await (await Lease.take(store, scope, new VirtualClock())).release()
})

test('a holder that slept past its lease writes nothing any more', async () => {
  const store = new MemoryStore()
  const clock = new VirtualClock()
  const slept = await Lease.take(store, scope, clock)
  clock.advance(60_001)
  const next = await Lease.take(store, scope, clock)
  await expect(slept.commit([put])).rejects.toMatchObject({ code: 'LEASE_LOST' })
  expect(await store.get('checkpoint', [['test', 'churn']])).toEqual([undefined])
  await next.commit([put])
  expect(await store.get('checkpoint', [['test', 'churn']])).toEqual([1])
  await Promise.all([slept.release(), next.release()])
})

test('the lease of a process that is gone is free at once', async () => {
  const store = new MemoryStore()
  const clock = new VirtualClock()
  const lease = await Lease.take(store, scope, clock)
  const key = ['test', 'churn', 'holder']
  const [holder] = await store.get('lease', [key])
  const gone = { ...(holder as object), pid: 2 ** 22 + 1 } // above the largest pid of Linux
  await store.commit([{ op: 'put', table: 'lease', key, value: gone }])
  await (await Lease.take(store, scope, clock)).release()
  await lease.release()
})
