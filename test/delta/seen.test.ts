import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dropSeen, readSeen, Seen, seenOp } from '../../src/delta/seen.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Key, Op, Store } from '../../src/stores/store.js'

const snapshot = (epoch: string, sync = 'churn'): Key => ['prod', 's:at-risk', sync, epoch]
const all = async (store: Store): Promise<readonly Key[]> =>
  (await store.scan('seen', { prefix: [], limit: 10_000 })).map(({ key }) => key)

test('what a snapshot has shown is read as it was written, whatever the pages and their order', async () => {
  const claim = fc.oneof(fc.nat({ max: 5_000 }), fc.nat({ max: 40_000_000 }))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(claim, { maxLength: 50 }), { maxLength: 20 }), async (pages) => {
      const store = new MemoryStore()
      for (const page of pages) await store.commit([seenOp(snapshot('e1'), page), seenOp(snapshot('e2'), [7])])
      const seen = await readSeen(store, snapshot('e1'))
      const shown = new Set(pages.flat())
      for (const one of shown) expect(seen.has(one)).toBe(true)
      for (const one of [...shown].flatMap((n) => [n + 1, Math.max(0, n - 1)])) {
        expect(seen.has(one)).toBe(shown.has(one))
      }
    }),
    { numRuns: 50 },
  )
})

test('nothing is seen before it was added, and what lies beyond all of it is not', () => {
  const seen = new Seen()
  expect([seen.has(0), seen.has(2 ** 32 - 1)]).toEqual([false, false])
  seen.add(9_999_999)
  expect([seen.has(9_999_999), seen.has(9_999_998), seen.has(9_999_999 + 8)]).toEqual([true, false, false])
})

test('the same page again is the same entry', async () => {
  const store = new MemoryStore()
  await store.commit([seenOp(snapshot('e1'), [1, 2, 3])])
  await store.commit([seenOp(snapshot('e1'), [1, 2, 3])])
  expect((await all(store)).length).toBe(1)
})

test('a newer snapshot makes an end of all others of its sync, and of none else', async () => {
  const store = new MemoryStore()
  const ops: Op[] = []
  // More than a page of each, so that those before and behind are found across pages.
  for (const epoch of ['e1', 'e2', 'e3']) {
    for (let page = 0; page < 450; page += 1) ops.push(seenOp(snapshot(epoch), [page]))
  }
  await store.commit([...ops, seenOp(snapshot('e1', 'winback'), [1])])
  await dropSeen(store, snapshot('e2'), [])
  const left = await all(store)
  expect(left.filter(([, , sync]) => sync === 'winback').length).toBe(1)
  expect(left.filter(([, , sync]) => sync === 'churn').map(([, , , epoch]) => epoch)).toEqual(Array(450).fill('e2'))
})
