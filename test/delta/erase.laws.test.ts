import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listDelta } from '../../src/delta/delta.js'
import { erasePlaces } from '../../src/delta/erase.js'
import { guardOf } from '../../src/delta/guard.js'
import { type ListDelta, ListDeltaComputer, type Wish } from '../../src/delta/list-delta.js'
import type { ListRecord } from '../../src/delta/list-state.js'
import { chunksOf } from '../../src/delta/whole/send.js'
import { BOUNDS, type Bounds, planWhole } from '../../src/delta/whole/whole.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Store } from '../../src/stores/store.js'

// A list kept in blocks and the same list kept in rows: after people were erased from both, the next audience comes to the same.

const LIST = 'at-risk'
const SCOPE = { project: 'prod', owner: 'churn' }
const NAMES = ['ann', 'Bob', 'é', '\uff21', 'z', 'a b', 'x'.repeat(300)]
/** As in use; parts however short the list is; the log folded in by every plan. */
const WAYS: readonly Bounds[] = [
  BOUNDS,
  { ...BOUNDS, shortBytes: 0, logBytesLeast: 0 },
  { ...BOUNDS, shortBytes: 0, logBytesLeast: 0, takenBytesLeast: 0 },
  { ...BOUNDS, logBytesLeast: 0 },
]
const numRuns = Number(process.env.LAW_RUNS ?? 60)

/** A claimant may hold several places, and a place may have several claimants. */
const audience = fc.uniqueArray(fc.tuple(fc.nat(4), fc.nat(NAMES.length - 1)), { maxLength: 12, selector: String })
const wishesOf = (pairs: readonly (readonly [number, number])[]): Wish[] =>
  pairs.map(([who, name]) => ({ list: LIST, claimant: `row-${who}`, address: `${NAMES[name]}@x`, member: true }))

async function inBlocks(
  store: Store,
  claims: readonly Wish[],
  bounds: Bounds,
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<ListDelta> {
  const [record] = await store.get('list', [['prod', `s:${LIST}`]])
  async function* wishes() {
    yield claims
    await meanwhile()
  }
  const plan = await planWhole({
    store,
    list: ['prod', `s:${LIST}`],
    owner: SCOPE.owner,
    record: record as unknown as ListRecord | undefined,
    complete: true,
    wishes: wishes(),
    epoch: `#${((record as unknown as ListRecord | undefined)?.nth ?? 0) + 1}`,
    guardOf: (counts, seen) =>
      guardOf({ ...counts, list: LIST, complete: true, seen }, { removedShareMax: 1, removedFreely: 100 }),
    fence: [],
    directory: tmpdir(),
    bounds,
  })
  const { counts, guard } = plan
  return listDelta({ counts, guard, chunks: (cutting) => chunksOf(plan, cutting), close: () => plan.spool.close() })
}

/** Sends it; gives who joined and who left. */
async function sent(delta: ListDelta): Promise<readonly string[]> {
  const changes: string[] = []
  for await (const { op, addresses, intend, settle } of delta.chunks({ sizeMax: 2 })) {
    await intend()
    changes.push(...addresses.map((address) => `${op} ${address}`))
    await settle(addresses.map(() => ({ status: 'accepted' })))
  }
  await delta[Symbol.asyncDispose]()
  return changes.sort()
}

const erased = (store: Store, address: string, claimant: string) =>
  erasePlaces({
    store,
    project: 'prod',
    leavers: {
      isAddress: (text) => text === address,
      isClaimant: (text) => text === claimant,
      needles: [address.toLowerCase(), claimant],
    },
    fence: [],
  })

test('erased from blocks, people are gone as from rows, and the next audience changes the same', async () => {
  const name = fc.nat(NAMES.length - 1)
  await fc.assert(
    fc.asyncProperty(
      fc.array(audience, { minLength: 1, maxLength: 4 }),
      audience,
      name,
      fc.nat(4),
      fc.constantFrom(...WAYS),
      async (before, after, gone, who, bounds) => {
        // A claimant of two places has one of them in rows: as rows have it, the oracle names each place's claimants by both.
        const apart = (claims: readonly Wish[]) =>
          claims.map((wish) => ({ ...wish, claimant: `${wish.claimant} ${wish.address}` }))
        const [blocks, rows] = [new MemoryStore(), new MemoryStore()]
        const lists = new ListDeltaComputer({ store: rows, shared: [LIST], guard: { removedFreely: 100 } })
        const both = async (claims: readonly Wish[]) => [
          await sent(await inBlocks(blocks, claims, bounds)),
          await sent(await lists.plan({ ...SCOPE, list: LIST, complete: true, claims: apart(claims) })),
        ]
        for (const claims of before) await both(wishesOf(claims))
        const [address, claimant] = [`${NAMES[gone]}@x`, `row-${who}`]
        await erased(blocks, address, claimant)
        await erasePlaces({
          store: rows,
          project: 'prod',
          leavers: {
            isAddress: (text) => text === address,
            isClaimant: (text) => text.startsWith(`${claimant} `),
            needles: [],
          },
          fence: [],
        })
        const kept = await blocks.scan('audience', { prefix: ['prod'], limit: 1_000 })
        const texts = kept.map(({ key, value }) =>
          key[2] !== 'log' ? String(value) : Buffer.from(String(value), 'base64').toString(),
        )
        expect(texts.some((text) => text.includes(claimant))).toBe(false)
        expect(texts.some((text) => text.includes(`${address}row-`))).toBe(false)
        const [inBlocksNow, inRowsNow] = await both(wishesOf(after))
        expect(inBlocksNow).toEqual(inRowsNow)
        expect((await erased(blocks, 'nobody@x', 'nobody')).audience).toBe(0)
      },
    ),
    { numRuns },
  )
})

test('a plan that began before people were erased writes nothing any more', async () => {
  const store = new MemoryStore()
  await sent(await inBlocks(store, wishesOf([[0, 0]]), BOUNDS))
  const begun = await inBlocks(
    store,
    wishesOf([
      [0, 0],
      [1, 1],
    ]),
    BOUNDS,
  )
  expect((await erased(store, 'ann@x', 'row-0')).audience).toBeGreaterThan(0)
  await expect(sent(begun)).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
})

test.each(WAYS)(
  'a plan in whose audience people are erased ends with STORE_CONFLICT, and mistakes nobody for them [%#]',
  async (bounds) => {
    const store = new MemoryStore()
    const all = wishesOf(NAMES.map((_, name) => [name, name] as const))
    for (let times = 0; times < 3; times += 1) await sent(await inBlocks(store, all, bounds))
    const erasing = () => erased(store, 'ann@x', 'row-0')
    await expect(inBlocks(store, all.slice(2), bounds, erasing)).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
    expect(await sent(await inBlocks(store, all.slice(2), bounds))).toEqual([`remove ${all[1]?.address}`])
  },
)
