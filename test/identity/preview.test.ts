import { describe, expect, test } from 'vitest'
import { homeIn } from '../../src/identity/holders.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import type { Json } from '../../src/model/value.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op, Store } from '../../src/stores/store.js'
import { dump, leftovers, type RuleSet, restore, stateOf } from './graph-state.js'

const rules = (customers: number, more: Partial<RuleSet> = {}): RuleSet => ({
  namespaces: {
    customer_id: { priority: 1, maxIdentifiers: customers },
    email: { priority: 2 },
    phone: { priority: 3 },
  },
  ...more,
})
const [ONE, TWO] = [rules(1), rules(2)]
const resolverOf = (store: Store, set: RuleSet = ONE) => new IdentityResolver({ store, target: 'email', ...set })

const seen = (key: string, day: number, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt: `2026-01-0${day}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const customer = (value: string) => ({ namespace: 'customer_id', value })

/** Two customers who share a mailbox, each with one of their own, too. */
const HOUSEHOLD = [
  seen('1', 1, { customer_id: 'c-1', email: 'ada@example.com' }),
  seen('2', 2, { customer_id: 'c-2', email: 'bob@example.com' }),
  seen('3', 3, { customer_id: 'c-1', email: 'home@example.com' }),
  seen('4', 4, { customer_id: 'c-2', email: 'home@example.com' }),
]

async function household(store: Store = new MemoryStore()): Promise<IdentityResolver> {
  const resolver = resolverOf(store)
  await resolver.observe(HOUSEHOLD)
  return resolver
}

const stale = { code: 'IDENTITY_PREVIEW_STALE' }
const changed = { code: 'IDENTITY_RULES_CHANGED' }

/** Calls `once` at the first read of a table, before it. */
function atFirst(base: Store, table: string, once: () => Promise<unknown>): Store {
  let isDone = false
  const first = async (name: string): Promise<void> => {
    if (name !== table || isDone) return
    isDone = true
    await once()
  }
  return {
    supports: base.supports,
    close: async () => undefined,
    commit: (ops) => base.commit(ops),
    get: async (name, keys) => {
      await first(name)
      return base.get(name, keys)
    },
    scan: async (name, range) => {
      await first(name)
      return base.scan(name, range)
    },
  }
}

describe('preview()', () => {
  test('says what a deployment that only has the new rules would do', async () => {
    const { store } = await household()
    const now = resolverOf(store, TWO)
    await expect(now.resolve([{ customer_id: 'c-1' }])).rejects.toMatchObject(changed)
    const preview = await now.preview()
    expect({ ...preview, adopt: 0, discard: 0 }).toEqual({
      ...{ rulesHash: now.rulesHash, records: 4, adopt: 0, discard: 0 },
      ...{ profiles: { before: 2, after: 1 }, conflicts: { before: 1, after: 0 } },
      ...{ merged: 1, split: 0, quarantined: 0, released: 0 },
    })
    await preview.adopt()
    expect(await now.resolve([{ customer_id: 'c-2' }])).toMatchObject([{ status: 'resolved', why: 'recent' }])
  })

  test('prints no identifier, and shows some only where samples are asked for', async () => {
    const old = await household()
    await old.store.commit(old.bind('prod', await addressed(old)))
    const counts = await old.preview(TWO, { project: 'prod' })
    expect(JSON.stringify(counts)).not.toMatch(/example|c-1/)
    const { samples } = await old.preview(TWO, { project: 'prod', samples: 1 })
    expect(samples?.merged).toEqual([
      expect.arrayContaining([customer('c-1'), customer('c-2'), { namespace: 'email', value: 'home@example.com' }]),
    ])
    expect(samples?.addresses).toHaveLength(1)
    const back = await resolverOf(old.store, TWO).preview(undefined)
    await back.adopt()
    const { samples: apart } = await resolverOf(old.store, TWO).preview(ONE, { samples: 5 })
    expect(apart).toMatchObject({ merged: [], split: [expect.arrayContaining([customer('c-1')])] })
  })

  test('can be of the same rules, as where a phoneNormalizer has changed its mind', async () => {
    const store = new MemoryStore()
    const set = (region: string) => rules(1, { phoneNormalizer: (raw) => raw.replace(/^0/, region) })
    await resolverOf(store, set('+49')).observe([seen('1', 1, { customer_id: 'c-1', phone: '0170123456' })])
    const now = resolverOf(store, set('+43'))
    expect(now.rulesHash).toBe(resolverOf(store, set('+49')).rulesHash)
    await (await now.preview()).adopt()
    expect(await now.explain(customer('c-1'), { namespace: 'phone', value: '+43170123456' })).toMatchObject({
      verdict: 'same',
    })
    expect(await leftovers(store)).toEqual([])
  })

  test('is told by a later preview, and removes what that began to make', async () => {
    const { store } = await household()
    const first = await resolverOf(store, TWO).preview()
    const second = await resolverOf(store, rules(3)).preview()
    await expect(first.adopt()).rejects.toMatchObject(stale)
    await first.discard()
    await second.adopt()
    expect(await leftovers(store)).toEqual([])
    await expect(second.discard()).rejects.toMatchObject(stale)
  })

  test('is stopped by another one that begins meanwhile', async () => {
    const { store } = await household()
    for (const table of ['evidence', 'identifier', 'identityMove', 'identityLog', 'profile', 'binding']) {
      const slow = atFirst(store, table, async () => void (await resolverOf(store, rules(3)).preview()))
      const preview = resolverOf(slow, TWO).preview(undefined, { project: 'prod' })
      await expect(preview, table).rejects.toMatchObject(stale)
    }
    const slow = atFirst(store, 'binding', async () => (await resolverOf(store, rules(3)).preview()).adopt())
    await expect(resolverOf(slow, TWO).preview(undefined, { project: 'prod' })).rejects.toMatchObject(stale)
    await resolverOf(store).discardPreviews()
    expect(await leftovers(store)).toEqual([])
  })

  test('is refused once evidence has come since', async () => {
    const old = await household()
    const kept = await stateOf(old.store)
    const preview = await old.preview(TWO)
    await old.observe([seen('5', 5, { customer_id: 'c-9', email: 'new@example.com' })])
    await expect(preview.adopt()).rejects.toMatchObject(stale)
    await old.retract([{ source: 'crm', key: '5' }])
    await expect(preview.adopt()).rejects.toMatchObject(stale)
    expect(await stateOf(old.store)).toEqual(kept)
    await preview.discard()
    expect(await leftovers(old.store)).toEqual([])
  })

  test('leaves nothing where its signal ends it', async () => {
    const old = await household()
    const kept = await dump(old.store)
    const controller = new AbortController()
    const store = atFirst(old.store, 'quarantine', async () => controller.abort())
    const cut = resolverOf(store).preview(TWO, { signal: controller.signal })
    await expect(cut).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await dump(old.store)).toEqual(kept)
    await expect(old.preview(TWO, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await dump(old.store)).toEqual(kept)
  })

  test('of a graph that nobody has written to can be adopted, too', async () => {
    const store = new MemoryStore()
    const preview = await resolverOf(store).preview(TWO)
    expect(preview).toMatchObject({ records: 0, profiles: { before: 0, after: 0 } })
    await preview.adopt()
    await expect(resolverOf(store).observe(HOUSEHOLD)).rejects.toMatchObject(changed)
    await resolverOf(store, TWO).observe(HOUSEHOLD)
    expect(await leftovers(store)).toEqual([])
  })

  test('refuses options that are none', async () => {
    const old = await household()
    const wrong = { code: 'OPTION_INVALID' }
    await expect(old.preview(TWO, { samples: -1 })).rejects.toMatchObject(wrong)
    await expect(old.preview(TWO, { projekt: 'x' } as never)).rejects.toMatchObject(wrong)
    await expect(old.preview(7 as never)).rejects.toMatchObject(wrong)
    await expect(old.preview({ ...TWO, attributeOnly: ['email'] })).rejects.toMatchObject({
      code: 'IDENTITY_RULES_INVALID',
    })
    await expect(old.preview({ namespaces: { customer_id: { priority: 1 } } })).rejects.toMatchObject({
      code: 'IDENTITY_RULES_INVALID',
    })
    expect(await leftovers(old.store)).toEqual([])
    await old.close()
    await expect(old.preview(TWO)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

async function addressed(resolver: IdentityResolver) {
  const answers = await resolver.resolve([{ customer_id: 'c-1' }, { customer_id: 'c-2' }])
  return answers.filter((answer) => answer.status === 'resolved')
}

describe('a process that runs while another adopts', () => {
  test('gets IDENTITY_RULES_CHANGED at whatever it calls next, and writes nothing', async () => {
    const old = await household()
    await (await resolverOf(old.store, TWO).preview()).adopt()
    const kept = await dump(old.store)
    const calls = [
      () => old.observe(HOUSEHOLD),
      () => old.retract([{ source: 'crm', key: '1' }]),
      () => old.deny(customer('c-1'), customer('c-2')),
      () => old.resolve([{ customer_id: 'c-1' }]),
      () => old.changes({ project: 'prod' }),
      () => old.explain(customer('c-1'), customer('c-2')),
      () => old.conflicts().next(),
      () => old.conflictCount(),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject(changed)
    expect(await dump(old.store)).toEqual(kept)
  })

  const adoptTwo = (store: Store) => async () => (await resolverOf(store, TWO).preview()).adopt()

  test.each(['identifier', 'profile', 'evidence', 'evidenceById', 'conflict', 'identityLog'])(
    'while it reads or writes %s never answers half of the one and half of the other',
    async (table) => {
      const calls: readonly ((resolver: IdentityResolver) => Promise<unknown>)[] = [
        (one) => one.resolve([{ customer_id: 'c-1' }, { customer_id: 'c-2' }]),
        (one) => one.explain(customer('c-1'), { namespace: 'email', value: 'ada@example.com' }),
        (one) => one.observe([seen('1', 9, { customer_id: 'c-1', email: 'late@example.com' })]),
        (one) => one.retract([{ source: 'crm', key: '1' }]),
        (one) => one.changes({ project: 'prod' }),
        (one) => one.conflicts().next(),
      ]
      for (const call of calls) {
        const { store } = await household()
        let met = false
        const racing = atFirst(store, table, async () => {
          met = true
          await adoptTwo(store)()
        })
        const outcome = call(resolverOf(racing))
        if (
          await outcome.then(
            () => met,
            () => true,
          )
        )
          await expect(outcome).rejects.toMatchObject(changed)
        if (!met) continue
        const fresh = new MemoryStore()
        await resolverOf(fresh, TWO).observe(HOUSEHOLD)
        expect(await stateOf(store)).toEqual(await stateOf(fresh))
      }
    },
  )

  test('of the same rules reads again, from the generation that there is now', async () => {
    const { store } = await household()
    const racing = atFirst(store, 'profile', async () => (await resolverOf(store).preview()).adopt())
    const answers = await resolverOf(racing).resolve([{ customer_id: 'c-1' }])
    expect(answers).toMatchObject([{ status: 'resolved', address: 'ada@example.com' }])
    const retracting = atFirst(store, 'evidence', async () => (await resolverOf(store).preview()).adopt())
    await resolverOf(retracting).retract([{ source: 'crm', key: '1' }])
    expect(await resolverOf(store).resolve([{ email: 'ada@example.com' }])).toMatchObject([{ why: 'given' }])
  })
})

describe('what was remembered under old ids', () => {
  test('is found after people were merged: nobody becomes a second user, and the change is told', async () => {
    const old = await household()
    const bindings = await addressed(old)
    await old.store.commit(old.bind('prod', bindings))
    const preview = await old.preview(TWO, { project: 'prod' })
    expect(preview.addresses).toEqual({ bound: 2, changed: 1, lost: 0 })
    await preview.adopt()
    const now = resolverOf(old.store, TWO)
    const [one, other] = await now.resolve([{ customer_id: 'c-1' }, { customer_id: 'c-2' }], { project: 'prod' })
    expect(one).toMatchObject({ why: 'bound' })
    expect(other).toEqual(one)
    const { changes, after } = await now.changes({ project: 'prod' })
    const known = bindings.find(({ address }) => address !== (one as { address: string }).address)
    expect(changes).toEqual([
      { profileId: known?.profileId, from: known?.address, to: (one as { address: string }).address },
    ])
    await now.store.commit(
      now.bind(
        'prod',
        changes.map(({ profileId, to }) => ({ profileId, address: to as string })),
      ),
    )
    expect(await now.changes({ project: 'prod', after: 0 })).toEqual({ changes: [], after })
  })

  test('is found through merges from before, and what was not read of the log is not lost', async () => {
    const store = new MemoryStore()
    const old = resolverOf(store)
    await old.observe([
      seen('1', 2, { customer_id: 'c-1', phone: '+491701234567' }),
      seen('2', 3, { email: 'ada@example.com' }),
    ])
    await old.store.commit(old.bind('prod', (await old.resolve([{ email: 'ada@example.com' }])) as never))
    await old.observe([seen('3', 4, { customer_id: 'c-1', email: 'ada@example.com' })])
    const { after } = await old.changes({ project: 'prod' })
    await old.observe([seen('3', 5, { customer_id: 'c-1', email: 'new@example.com' }), seen('2', 5, {})])
    await (await old.preview(rules(1, { salt: 'other' }))).adopt()
    const now = resolverOf(store, rules(1, { salt: 'other' }))
    expect((await now.changes({ project: 'prod', after })).changes).toMatchObject([
      { from: 'ada@example.com', to: 'new@example.com' },
    ])
  })

  /** A row of the generation that there is now. */
  async function rowOf(store: Store, id: string): Promise<unknown> {
    const [meta] = (await store.get('identityMeta', [['main']])) as [{ generation?: string }]
    const [row] = await store.get('profile', [[meta.generation ?? 'main', id]])
    return row
  }
  const homeOf = async (store: Store, namespace: string, value: string) => {
    const [meta] = (await store.get('identityMeta', [['main']])) as [{ generation?: string }]
    const [row] = await store.get('identifier', [[meta.generation ?? 'main', namespace, value]])
    return homeIn(row as Json) as string
  }

  test('does not lose a change that nobody has read, where the new rules change nothing about the person', async () => {
    const old = await household()
    await old.store.commit(old.bind('prod', await addressed(old)))
    const { after } = await old.changes({ project: 'prod' })
    await old.observe([seen('1', 9, { customer_id: 'c-1', email: 'new@example.com' })])
    const set = { ...ONE, attributeOnly: ['phone'] }
    const preview = await old.preview(set)
    expect(preview).toMatchObject({ merged: 0, split: 0 })
    await preview.adopt()
    const { changes } = await resolverOf(old.store, set).changes({ project: 'prod', after })
    expect(changes).toMatchObject([{ from: 'ada@example.com', to: 'new@example.com' }])
  })

  test("is nobody else's once the person stands alone again", async () => {
    const store = new MemoryStore()
    const old = resolverOf(store, TWO)
    for (const record of HOUSEHOLD) await old.observe([record])
    const joined = await homeOf(store, 'customer_id', 'c-1')
    expect(Object.keys((await rowOf(store, joined)) as object)).toContain('was')
    await (await old.preview(ONE)).adopt()
    const apart = await homeOf(store, 'customer_id', 'c-2')
    expect(apart).not.toBe(await homeOf(store, 'customer_id', 'c-1'))
    expect((await rowOf(store, joined)) as object).not.toHaveProperty('was')
  })

  test('goes to the least id among equals, where nobody knows what gave the old id', async () => {
    const store = new MemoryStore()
    await resolverOf(store, { ...TWO, salt: 'forgotten' }).observe([
      seen('1', 1, { customer_id: 'c-1', phone: '+491701234567' }),
      seen('2', 1, { customer_id: 'c-2', phone: '+491701234567' }),
    ])
    const old = await homeOf(store, 'customer_id', 'c-1')
    for (const salt of ['a', 'b', 'c']) {
      const now = new MemoryStore()
      await restore(now, await dump(store))
      await (await resolverOf(now, { ...ONE, salt, attributeOnly: ['phone'] }).preview()).adopt()
      const homes = [await homeOf(now, 'customer_id', 'c-1'), await homeOf(now, 'customer_id', 'c-2')]
      expect(await rowOf(now, old)).toEqual({ to: homes.sort()[0] })
    }
  })

  test('is found where the rules write a value in another way than its form says', async () => {
    const set = (normalise: 'id' | 'idUpper', salt: string): RuleSet => ({
      namespaces: { device: { priority: 2, normalise } },
      salt,
    })
    const store = new MemoryStore()
    await resolverOf(store, set('idUpper', 'one')).observe([seen('1', 1, { device: 'abc' })])
    const old = await homeOf(store, 'device', 'ABC')
    await (await resolverOf(store, set('id', 'two')).preview()).adopt()
    expect(await rowOf(store, old)).toEqual({ to: await homeOf(store, 'device', 'abc') })
  })
})

test('a person who only took in another one by the new rules does not lose the address', async () => {
  const set = (normalise: 'id' | 'idLower'): RuleSet => ({
    namespaces: { email: { priority: 1 }, device: { priority: 2, normalise } },
  })
  const store = new MemoryStore()
  const old = resolverOf(store, set('id'))
  await old.observe([seen('1', 1, { email: 'ada@example.com', device: 'tv' }), seen('2', 1, { device: 'TV' })])
  const [who] = await old.resolve([{ email: 'ada@example.com' }])
  const profileId = who?.status === 'resolved' ? who.profileId : ''
  await store.commit(old.bind('prod', [{ profileId, address: 'ada@example.com' }]))
  const { after } = await old.changes({ project: 'prod' })
  const preview = await old.preview(set('idLower'), { project: 'prod' })
  expect(preview).toMatchObject({ merged: 1, addresses: { bound: 1, changed: 0, lost: 0 } })
  await preview.adopt()
  expect((await resolverOf(store, set('idLower')).changes({ project: 'prod', after })).changes).toEqual([])
})

describe('a graph of a version that is not known', () => {
  test.each([{ asOfAge: 7 }, { version: '1' }, { rules: null }])(
    'with %j is refused, and is not read as if it were known',
    async (odd) => {
      const old = await household()
      const [meta] = await old.store.get('identityMeta', [['main']])
      const value = { ...(meta as object), ...odd } as never
      const put: Op = { op: 'put', table: 'identityMeta', key: ['main'], value }
      await old.store.commit([put])
      const newer = { code: 'IDENTITY_VERSION_NEWER' }
      await expect(old.resolve([{ customer_id: 'c-1' }])).rejects.toMatchObject(newer)
      await expect(old.observe(HOUSEHOLD)).rejects.toMatchObject(newer)
      await expect(old.preview(TWO)).rejects.toMatchObject(newer)
      await expect(old.export().next()).rejects.toMatchObject(newer)
    },
  )
})
