import { describe, expect, test } from 'vitest'
import { isLakeloopError, LakeloopError } from '../../src/errors.js'
import { IdentityResolver, type IdentityResolverOptions } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { overlay } from '../../src/stores/overlay.js'
import type { Op, Store } from '../../src/stores/store.js'

const NAMESPACES = {
  customer_id: { priority: 1, maxIdentifiers: 1 },
  email: { priority: 2 },
  phone: { priority: 3 },
} as const

function make(options: Partial<IdentityResolverOptions> = {}): IdentityResolver {
  return new IdentityResolver({ store: new MemoryStore(), target: 'email', namespaces: NAMESPACES, ...options })
}

/** A record of source `crm`; `day` is when it changed. */
const seen = (key: string, day: number | null, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt: day === null ? null : `2026-01-${String(day).padStart(2, '0')}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})

/** A store that tells every call and its first argument. */
function watched(tell: (method: string, argument: unknown) => unknown): Store {
  return new Proxy<Store>(new MemoryStore(), {
    get(store, name) {
      const member = store[name as keyof Store]
      if (typeof member !== 'function') return member
      return (...given: unknown[]) => {
        tell(String(name), given[0])
        return Reflect.apply(member, store, given)
      }
    },
  })
}

const one = async (resolver: IdentityResolver, bag: Record<string, string>, project?: string) =>
  (await resolver.resolve([bag], { project }))[0]

async function bindAs(resolver: IdentityResolver, project: string, bag: Record<string, string>): Promise<string> {
  const answer = await one(resolver, bag, project)
  if (answer?.status !== 'resolved') throw new Error('expected an address')
  await resolver.store.commit(resolver.bind(project, [answer]))
  return answer.profileId
}

describe('resolve()', () => {
  test('leads from a customer id to the address in its one form', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { customer_id: 'c-1', email: ' Ada@Example.COM' })])
    expect(await one(resolver, { customer_id: ' c-1 ' })).toMatchObject({
      status: 'resolved',
      address: 'ada@example.com',
      why: 'only',
    })
  })

  test('keeps the order, also over many bags', async () => {
    const resolver = make()
    const ids = Array.from({ length: 4_100 }, (_, index) => `c-${index}`)
    await resolver.observe(ids.map((id) => seen(id, 1, { customer_id: id, email: `${id}@example.com` })))
    const answers = await resolver.resolve(ids.map((id) => ({ customer_id: id })))
    expect(answers.map((answer) => answer.status === 'resolved' && answer.address)).toEqual(
      ids.map((id) => `${id}@example.com`),
    )
  })

  test('asks the store a few times for a thousand ids', async () => {
    const calls: string[] = []
    const store = watched((method) => calls.push(method))
    const resolver = make({ store })
    const ids = Array.from({ length: 1_000 }, (_, index) => `c-${index}`)
    await resolver.observe(ids.map((id) => seen(id, 1, { customer_id: id, email: `${id}@example.com` })))
    calls.length = 0
    await resolver.resolve(
      ids.map((id) => ({ customer_id: id })),
      { project: 'prod' },
    )
    expect(calls.length).toBeLessThanOrEqual(5)
  })

  test('takes an address that nobody knows as it is, under the id that observing it would give', async () => {
    const resolver = make()
    const given = await one(resolver, { customer_id: 'new', email: 'NEW@example.com' })
    expect(given).toMatchObject({ status: 'resolved', address: 'new@example.com', why: 'given' })
    await resolver.observe([seen('1', 1, { email: 'new@example.com' })])
    const known = await one(resolver, { email: 'new@example.com' })
    expect(known?.status === 'resolved' && known.profileId).toBe(given?.status === 'resolved' && given.profileId)
  })

  test('says which of four ways a bag leads nowhere', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { customer_id: 'c-1' })])
    expect(await one(resolver, {})).toMatchObject({
      status: 'unresolvable',
      reason: { code: 'IDENTIFIER_MISSING', facts: {} },
    })
    expect(await one(resolver, { email: '  ' })).toMatchObject({ reason: { code: 'IDENTIFIER_MISSING' } })
    expect(await one(resolver, { email: 'none', phone: '0170 1', loyalty: 'L1', 'a@b.example': 'x' })).toMatchObject({
      status: 'unresolvable',
      reason: {
        code: 'IDENTIFIER_UNUSABLE',
        facts: { namespaces: 'a name undeclared, email blocked, loyalty undeclared, phone invalid' },
      },
    })
    expect(await one(resolver, { customer_id: 'c-2' })).toMatchObject({
      status: 'unresolved',
      reason: { code: 'ADDRESS_UNKNOWN', facts: { target: 'email' } },
    })
    expect(await one(resolver, { customer_id: 'c-1', email: 'none' })).toMatchObject({
      status: 'unresolved',
      profileId: expect.stringMatching(/^p_[0-9a-f]{32}$/),
      reason: { code: 'ADDRESS_UNKNOWN' },
    })
  })

  test('does not crash on values that are no text or names that mean something to JavaScript', async () => {
    const resolver = make()
    const bags: readonly object[] = [
      { customer_id: 17 },
      { email: null },
      { __proto__: 'x' },
      { constructor: 'y' },
      { email: '\ud800@x.io' },
    ]
    const answers = await resolver.resolve(bags as never)
    expect(answers.every(({ status }) => status === 'unresolvable')).toBe(true)
    await resolver.observe([
      { source: '', key: '\ud800', observedAt: 'never', ids: [{ namespace: 'toString', value: 'x' }] },
    ])
    const long = 'k'.repeat(10_000)
    await resolver.observe([seen(long, 1, { customer_id: 'c-1', email: 'ada@example.com', nobody: long })])
    expect(await one(resolver, { customer_id: 'c-1' })).toMatchObject({ address: 'ada@example.com' })
  })

  test('does not guess between two people whom nothing connects', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 1, { email: 'ada@example.com' }),
      seen('2', 1, { phone: '+491701234567' }),
      seen('3', 1, { customer_id: 'c-3', email: 'eve@example.com' }),
    ])
    const ambiguous = { status: 'unresolvable', reason: { code: 'IDENTITY_AMBIGUOUS', facts: { profiles: 2 } } }
    expect(await one(resolver, { email: 'ada@example.com', phone: '+491701234567' })).toMatchObject(ambiguous)
    // A customer id that nobody has seen beside the email of another customer is another person.
    expect(await one(resolver, { customer_id: 'c-4', email: 'eve@example.com' })).toMatchObject(ambiguous)
  })

  test('gives a contested email to the more recent record, and holds the other person back', async () => {
    const resolver = make()
    const records = [
      seen('1', 1, { customer_id: 'c-1', email: 'home@example.com' }),
      seen('2', 2, { customer_id: 'c-2', email: 'home@example.com' }),
    ]
    expect((await resolver.observe(records)).conflicts).toBe(1)
    expect(await one(resolver, { customer_id: 'c-2', email: 'home@example.com' })).toMatchObject({
      address: 'home@example.com',
    })
    expect(await one(resolver, { customer_id: 'c-1', email: 'home@example.com' })).toMatchObject({
      status: 'unresolved',
      reason: { code: 'ADDRESS_CLAIMED', facts: { target: 'email' } },
    })
    const conflicts = []
    for await (const conflict of resolver.conflicts()) conflicts.push(conflict)
    expect(conflicts).toMatchObject([
      {
        a: { namespace: 'customer_id', value: 'c-1' },
        b: { namespace: 'email', value: 'home@example.com' },
        rule: 'customer_id',
        limit: 1,
        wouldBe: 2,
        records: [{ source: 'crm', key: '1' }],
      },
    ])
  })

  test('still finds a person by an email that there is no room for, and never writes to it', async () => {
    const resolver = make({ namespaces: { ...NAMESPACES, email: { priority: 2, maxIdentifiers: 1 } } })
    await resolver.observe([
      seen('1', 1, { customer_id: 'c-1', email: 'old@example.com' }),
      seen('2', 2, { customer_id: 'c-1', email: 'new@example.com' }),
    ])
    expect(await one(resolver, { email: 'old@example.com' })).toMatchObject({ address: 'new@example.com' })
    expect(await resolver.conflictCount()).toBe(0)
  })

  test('does not count an email that two full people claim as the one or the other', async () => {
    const resolver = make({ namespaces: { ...NAMESPACES, email: { priority: 2, maxIdentifiers: 1 } } })
    await resolver.observe([
      seen('1', 3, { customer_id: 'c-1', email: 'ada@example.com' }),
      seen('2', 3, { customer_id: 'c-2', email: 'eve@example.com' }),
      seen('3', 1, { customer_id: 'c-1', email: 'both@example.com' }),
      seen('4', 2, { customer_id: 'c-2', email: 'both@example.com' }),
    ])
    expect(await one(resolver, { email: 'both@example.com' })).toMatchObject({ address: 'both@example.com' })
    expect(await resolver.conflictCount()).toBe(2)
  })

  test('refuses an email that too many people share, and takes it back when they no longer do', async () => {
    const resolver = make()
    const shared = [1, 2, 3, 4].map((n) => seen(`${n}`, n, { customer_id: `c-${n}`, email: 'info@example.com' }))
    await resolver.observe(shared)
    expect(await one(resolver, { email: 'info@example.com' })).toMatchObject({
      status: 'unresolvable',
      reason: { code: 'IDENTIFIER_UNUSABLE', facts: { namespaces: 'email shared by too many' } },
    })
    expect(await resolver.conflictCount()).toBe(0)
    await resolver.retract([{ source: 'crm', key: '1' }])
    expect(await one(resolver, { customer_id: 'c-4' })).toMatchObject({ address: 'info@example.com' })
    await resolver.observe([seen('2', 9, {})])
    await resolver.observe([seen('3', 9, {})])
    expect(await resolver.conflictCount()).toBe(0)
  })
})

describe('a hub', () => {
  test('is counted by the owners of now, not by those that a record had before', async () => {
    const resolver = make({ namespaces: { ...NAMESPACES, email: { priority: 2, hub: 3 } } })
    const days = [1, 2, 3, 4]
    await resolver.observe(days.map((n) => seen(`${n}`, 1, { customer_id: 'c-1', email: 'ada@example.com' })))
    expect(await one(resolver, { email: 'ada@example.com' })).toMatchObject({ status: 'resolved' })
    for (const n of days) await resolver.observe([seen(`${n}`, 2, { customer_id: `c-${n}`, email: 'ada@example.com' })])
    expect(await one(resolver, { email: 'ada@example.com' })).toMatchObject({ status: 'unresolvable' })
  })
})

describe('an address once bound', () => {
  test('stays while the person has it, in this project and no other', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { customer_id: 'c-1', email: 'old@example.com' })])
    await bindAs(resolver, 'prod', { customer_id: 'c-1' })
    await resolver.observe([seen('2', 2, { customer_id: 'c-1', email: 'new@example.com' })])
    expect(await one(resolver, { customer_id: 'c-1' }, 'prod')).toMatchObject({
      address: 'old@example.com',
      why: 'bound',
    })
    expect(await one(resolver, { customer_id: 'c-1' }, 'test')).toMatchObject({
      address: 'new@example.com',
      why: 'recent',
    })
    expect((await resolver.changes({ project: 'prod' })).changes).toEqual([])
  })

  test('moves when the record says so, and is told until the new one is bound', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { customer_id: 'c-1', email: 'old@example.com' })])
    const profileId = await bindAs(resolver, 'prod', { customer_id: 'c-1' })
    const start = await resolver.changes({ project: 'prod' })
    await resolver.observe([seen('1', 2, { customer_id: 'c-1', email: 'new@example.com' })])
    const moved = await resolver.changes({ project: 'prod', after: start.after })
    expect(moved.changes).toEqual([{ profileId, from: 'old@example.com', to: 'new@example.com' }])
    expect((await resolver.changes({ project: 'prod', after: start.after })).changes).toEqual(moved.changes)
    expect((await resolver.changes({ project: 'test' })).changes).toEqual([])
    await resolver.store.commit(resolver.bind('prod', [{ profileId, address: 'new@example.com' }]))
    expect((await resolver.changes({ project: 'prod' })).changes).toEqual([])
    expect((await resolver.changes({ project: 'prod', after: moved.after })).after).toBe(moved.after)
  })

  test('is told as gone, and told again when the person has a new one', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { customer_id: 'c-1', email: 'old@example.com' })])
    const profileId = await bindAs(resolver, 'prod', { customer_id: 'c-1' })
    await resolver.observe([seen('1', 2, { customer_id: 'c-1' })])
    const gone = await resolver.changes({ project: 'prod' })
    expect(gone.changes).toEqual([{ profileId, from: 'old@example.com', to: undefined }])
    await resolver.observe([seen('1', 3, { customer_id: 'c-1', email: 'new@example.com' })])
    const found = await resolver.changes({ project: 'prod', after: gone.after })
    expect(found.changes).toEqual([{ profileId, from: 'old@example.com', to: 'new@example.com' }])
  })

  test('is found again after its profile got another id, and after two became one', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 5, { customer_id: 'c-1', email: 'ada@example.com' }),
      seen('2', 5, { email: 'ada2@example.com', phone: '+491701234567' }),
    ])
    const first = await bindAs(resolver, 'prod', { customer_id: 'c-1' })
    const second = await bindAs(resolver, 'prod', { phone: '+491701234567' })
    // An older record moves the founder.
    await resolver.observe([seen('3', 1, { email: 'ada@example.com' })])
    const rekeyed = await one(resolver, { customer_id: 'c-1' }, 'prod')
    expect(rekeyed).toMatchObject({ address: 'ada@example.com', why: 'bound' })
    expect(rekeyed?.status === 'resolved' && rekeyed.profileId).not.toBe(first)
    // One record shows both.
    await resolver.observe([seen('4', 6, { customer_id: 'c-1', phone: '+491701234567' })])
    expect(await one(resolver, { phone: '+491701234567' }, 'prod')).toMatchObject({ address: 'ada@example.com' })
    expect((await resolver.changes({ project: 'prod' })).changes).toEqual([
      { profileId: second, from: 'ada2@example.com', to: 'ada@example.com' },
    ])
    // And parts them again: each has its own back.
    await resolver.retract([{ source: 'crm', key: '4' }])
    expect(await one(resolver, { phone: '+491701234567' }, 'prod')).toMatchObject({
      address: 'ada2@example.com',
      profileId: second,
    })
    expect((await resolver.changes({ project: 'prod' })).changes).toEqual([])
  })

  test('is followed under the id of a profile that became part of another long ago', async () => {
    const resolver = make()
    await resolver.observe([seen('2', 5, { email: 'ada@example.com', phone: '+491701234567' })])
    const former = await bindAs(resolver, 'prod', { phone: '+491701234567' })
    await resolver.observe([seen('1', 1, { customer_id: 'c-1', phone: '+491701234567' })])
    const { after } = await resolver.changes({ project: 'prod' })
    expect(await one(resolver, { customer_id: 'c-1' }, 'prod')).toMatchObject({ why: 'bound' })
    await resolver.observe([seen('2', 6, { email: 'new@example.com', phone: '+491701234567' })])
    expect((await resolver.changes({ project: 'prod', after })).changes).toEqual([
      { profileId: former, from: 'ada@example.com', to: 'new@example.com' },
    ])
  })

  test('is not inherited from a profile that is one of its own again', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 5, { customer_id: 'c-1', email: 'ada@example.com' }),
      seen('2', 6, { email: 'eve@example.com', phone: '+491701234567' }),
    ])
    await resolver.observe([seen('3', 7, { customer_id: 'c-1', phone: '+491701234567' })])
    const heirs = async () => {
      const rows = await resolver.store.scan('profile', { prefix: ['main'], limit: 10 })
      return rows.filter(({ value }) => (value as { was?: unknown }).was !== undefined).length
    }
    expect(await heirs()).toBe(1)
    await resolver.retract([{ source: 'crm', key: '3' }])
    expect(await heirs()).toBe(0)
  })

  test('changes() reads on past a thousand people who did not move', async () => {
    const resolver = make()
    const ids = Array.from({ length: 2_500 }, (_, index) => `c-${index}`)
    await resolver.observe(ids.map((id) => seen(id, 1, { customer_id: id, email: `${id}@example.com` })))
    const profileId = await bindAs(resolver, 'prod', { customer_id: 'c-2400' })
    await resolver.observe(ids.map((id) => seen(id, 2, { customer_id: id, email: `${id}@example.org` })))
    const { changes } = await resolver.changes({ project: 'prod' })
    expect(changes).toEqual([{ profileId, from: 'c-2400@example.com', to: 'c-2400@example.org' }])
  })
})

describe('explain()', () => {
  test('tells the records that lead from one to the other', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 1, { customer_id: 'c-1', email: 'ada@example.com' }),
      seen('2', 2, { email: 'ada@example.com', phone: '+491701234567' }),
    ])
    const why = await resolver.explain(
      { namespace: 'customer_id', value: 'c-1' },
      { namespace: 'phone', value: '+491701234567' },
    )
    expect(why).toMatchObject({
      verdict: 'same',
      rulesHash: resolver.rulesHash,
      path: [
        { from: { value: 'c-1' }, to: { value: 'ada@example.com' }, records: [{ source: 'crm', key: '1' }] },
        { from: { value: 'ada@example.com' }, to: { value: '+491701234567' }, records: [{ source: 'crm', key: '2' }] },
      ],
    })
  })

  test('tells what keeps two apart, that nothing connects them, or why one of them joins nobody', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 1, { customer_id: 'c-1', email: 'home@example.com' }),
      seen('2', 2, { customer_id: 'c-2', email: 'home@example.com' }),
      seen('3', 2, { customer_id: 'c-3' }),
    ])
    const c = (value: string) => ({ namespace: 'customer_id', value })
    expect(await resolver.explain(c('c-1'), c('c-2'))).toMatchObject({
      verdict: 'apart',
      conflicts: [{ a: c('c-1'), b: { value: 'home@example.com' }, rule: 'customer_id' }],
    })
    expect(await resolver.explain(c('c-1'), c('c-3'))).toMatchObject({ verdict: 'unlinked' })
    expect(await resolver.explain(c('c-1'), c('c-9'))).toMatchObject({ verdict: 'unusable', problem: 'unknown' })
    expect(await resolver.explain(c('none'), c('c-1'))).toMatchObject({ verdict: 'unusable', problem: 'blocked' })
  })

  test('tells how a retired identifier leads to its person', async () => {
    const resolver = make({ namespaces: { ...NAMESPACES, email: { priority: 2, maxIdentifiers: 1 } } })
    await resolver.observe([
      seen('1', 1, { customer_id: 'c-1', email: 'old@example.com' }),
      seen('2', 2, { customer_id: 'c-1', email: 'new@example.com' }),
    ])
    const email = (value: string) => ({ namespace: 'email', value })
    const why = await resolver.explain(email('old@example.com'), email('new@example.com'))
    expect(why.verdict === 'same' && why.path.map(({ to }) => to.value)).toEqual(['c-1', 'new@example.com'])
  })
})

describe('position()', () => {
  test('is another one after every write that changes the graph, and the same after one that does not', async () => {
    const identity = make()
    const positions = [await identity.position()]
    for (const record of [
      seen('1', 1, { customer_id: 'c-1' }),
      seen('1', 2, { customer_id: 'c-1', email: 'a@x.com' }),
    ]) {
      await identity.observe([record])
      positions.push(await identity.position())
      await identity.observe([record])
      expect(await identity.position()).toBe(positions.at(-1))
    }
    await identity.retract([{ source: 'crm', key: '1' }])
    positions.push(await identity.position())
    expect(new Set(positions).size).toBe(4)
  })
})

describe('observe()', () => {
  test('counts what is new, and what of it joins nobody', async () => {
    const resolver = make()
    const records = [
      seen('1', 1, { customer_id: 'c-1', email: 'none', loyalty: 'L1' }),
      seen('2', 1, { customer_id: 'c-2', email: '' }),
    ]
    expect(await resolver.observe(records)).toEqual({ records: 2, identifiers: 2, blocked: 2, conflicts: 0 })
    expect(await resolver.observe(records)).toEqual({ records: 0, identifiers: 0, blocked: 0, conflicts: 0 })
    const [kept] = await resolver.store.get('evidence', [['main', 'crm', '1']])
    expect(kept).toMatchObject({
      unusable: [
        ['email', 'none', 'blocked'],
        ['loyalty', 'L1', 'undeclared'],
      ],
    })
  })

  test('does not let an older record take the place of a newer one', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 5, { customer_id: 'c-1', email: 'new@example.com' })])
    await resolver.observe([seen('1', 4, { customer_id: 'c-1', email: 'old@example.com' })])
    expect(await one(resolver, { customer_id: 'c-1' })).toMatchObject({ address: 'new@example.com' })
    await resolver.observe([seen('1', null, { customer_id: 'c-1', email: 'newest@example.com' })])
    expect(await one(resolver, { customer_id: 'c-1' })).toMatchObject({ address: 'newest@example.com' })
  })

  test('commits about two thousand rows at a time, and all of a record or nothing', async () => {
    const sizes: number[] = []
    const store = watched((method, ops) => method === 'commit' && sizes.push((ops as readonly Op[]).length))
    const ids = Array.from({ length: 3_000 }, (_, index) => `c-${index}`)
    await make({ store }).observe(ids.map((id) => seen(id, 1, { customer_id: id, email: `${id}@example.com` })))
    expect(sizes.length).toBeGreaterThan(5)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2_500)
  })

  test('takes another turn when somebody else wrote first, also from two resolvers at once', async () => {
    const store = new MemoryStore()
    const batch = (from: number) =>
      Array.from({ length: 400 }, (_, index) =>
        seen(`${from}-${index}`, 1, { customer_id: `c-${index}`, email: `e-${from}-${index}@example.com` }),
      )
    const [left, right] = [make({ store }), make({ store })]
    await Promise.all([left.observe(batch(1)), right.observe(batch(2))])
    const alone = make()
    for (const from of [2, 1]) await alone.observe(batch(from))
    const tables = (kept: Store) =>
      Promise.all(
        (['identifier', 'profile'] as const).map((table) => kept.scan(table, { prefix: ['main'], limit: 10_000 })),
      )
    expect(await tables(store)).toEqual(await tables(alone.store))
  })

  test('leaves the store as it was over an overlay', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { customer_id: 'c-1', email: 'ada@example.com' })])
    const dry = resolver.over(overlay(resolver.store))
    expect(dry.rulesHash).toBe(resolver.rulesHash)
    await dry.observe([seen('1', 2, { customer_id: 'c-1', email: 'eve@example.com' })])
    expect(await one(dry, { customer_id: 'c-1' })).toMatchObject({ address: 'eve@example.com' })
    expect(await one(resolver, { customer_id: 'c-1' })).toMatchObject({ address: 'ada@example.com' })
  })

  test('after close() says CLOSED, and leaves the store open', async () => {
    const resolver = make()
    const writing = resolver.observe([seen('1', 1, { customer_id: 'c-1' })])
    await writing
    await resolver.close()
    await resolver.close()
    await expect(resolver.observe([])).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(resolver.resolve([{}])).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await resolver.store.get('identifier', [['main', 'customer_id', 'c-1']])).not.toEqual([undefined])
  })
})

describe('rules', () => {
  const refused = (options: object): unknown => {
    try {
      make(options as never)
    } catch (error) {
      if (isLakeloopError(error)) return [error.code, error.facts.rule ?? error.facts.option]
      throw error
    }
    return 'taken'
  }

  test.each([
    [{ namespaces: { customer_id: { priority: 1 } } }, 'namespaces.customer_id.maxIdentifiers'],
    [{ namespaces: { crm: { priority: 1, anchor: true } } }, 'namespaces.crm.maxIdentifiers'],
    [{ namespaces: { crm: { priority: 0 } } }, 'namespaces.crm.priority'],
    [{ namespaces: { crm: {} } }, 'namespaces.crm.priority'],
    [{ namespaces: { crm: { priority: 1, maxIdentifiers: 0 } } }, 'namespaces.crm.maxIdentifiers'],
    [{ namespaces: { crm: { priority: 1, normalise: 'mail' } } }, 'namespaces.crm.normalise'],
    [{ namespaces: { 'a b': { priority: 1 } } }, 'namespaces.a b'],
    [{ namespaces: NAMESPACES, blocked: { loyalty: ['x'] } }, 'blocked'],
    [{ namespaces: NAMESPACES, attributeOnly: ['loyalty'] }, 'attributeOnly'],
    [{ namespaces: NAMESPACES, linkPreference: 'newest' }, 'linkPreference'],
    [{ namespaces: NAMESPACES, maxIdentifiersPerProfile: 1.5 }, 'maxIdentifiersPerProfile'],
    [{ namespaces: NAMESPACES, maxIdentifiers: 3 }, 'maxIdentifiers'],
    [{ namespaces: { crm: { priority: 1, limit: 3 } } }, 'namespaces.crm.limit'],
    [{ namespaces: { crm: { priority: 1, activeForDays: 0 } } }, 'namespaces.crm.activeForDays'],
    [{ namespaces: { crm: { priority: 1, activeForDays: 3_651 } } }, 'namespaces.crm.activeForDays'],
    [{ namespaces: NAMESPACES, sourcePriority: ['crm', ''] }, 'sourcePriority.1'],
    [{ namespaces: NAMESPACES, sourcePriority: 'crm' }, 'sourcePriority'],
    [{ namespaces: NAMESPACES, onTargetClaimed: 'guess' }, 'onTargetClaimed'],
    [{ namespaces: NAMESPACES, idPolicy: 'random' }, 'idPolicy'],
  ])('%j names the rule', (options, rule) => {
    expect(refused(options)).toEqual(['IDENTITY_RULES_INVALID', rule])
  })

  const crm = { priority: 1, maxIdentifiers: 1, anchor: true }
  test.each([
    [{ namespaces: { crm: { priority: 1, maxIdentifiers: 101 } } }, 'namespaces.crm.maxIdentifiers'],
    [
      { namespaces: { crm: { ...crm, maxIdentifiers: 7 } }, maxIdentifiersPerProfile: 6 },
      'namespaces.crm.maxIdentifiers',
    ],
    [{ namespaces: { crm: { ...crm, hub: 20 } } }, 'namespaces.crm.hub'],
    [{ namespaces: { customer_id: { priority: 1, maxIdentifiers: 1, hub: 20 } } }, 'namespaces.customer_id.hub'],
    [{ namespaces: { crm: { ...crm, activeForDays: 30 } } }, 'namespaces.crm.activeForDays'],
    [
      { namespaces: { crm: { priority: 1, activeForDays: 30 } }, attributeOnly: ['crm'] },
      'namespaces.crm.activeForDays',
    ],
    [{ namespaces: { crm }, attributeOnly: ['crm'] }, 'attributeOnly'],
    [{ namespaces: NAMESPACES, attributeOnly: ['email'] }, 'attributeOnly'],
    [{ namespaces: NAMESPACES, target: 'phone', attributeOnly: ['phone'] }, 'attributeOnly'],
    [{ namespaces: NAMESPACES, sourcePriority: ['crm', 'web', 'crm'] }, 'sourcePriority'],
  ])('%j contradict each other: names the rule', (options, rule) => {
    expect(refused(options)).toEqual(['IDENTITY_RULES_INVALID', rule])
  })

  test.each([
    // What was not said gives way: five emails per person do not fit into three in all, and nobody said five.
    [{ namespaces: { crm: { ...crm, maxIdentifiers: 3, hub: false } }, maxIdentifiersPerProfile: 3 }],
    [{ namespaces: NAMESPACES, attributeOnly: ['userId', 'customer_id'] }],
    [{ namespaces: NAMESPACES, attributeOnly: ['email'], target: 'phone' }],
    [{ namespaces: NAMESPACES, sourcePriority: [], onTargetClaimed: 'share', idPolicy: 'pinned' }],
    [{ namespaces: { email: { priority: 1, activeForDays: 3_650, hub: 1 } }, linkPreference: 'earliest' }],
  ])('%j hold together', (options) => {
    expect(refused(options)).toBe('taken')
  })

  test.each([
    [{ target: 'loyalty' }, 'target'],
    [{ graph: '' }, 'graph'],
    [{ store: {} }, 'store'],
  ])('%j names the option', (options, option) => {
    expect(refused(options)).toEqual(['OPTION_INVALID', option])
  })

  test('of the same content have the same hash, and others are refused at first use', async () => {
    const store = new MemoryStore()
    const turned = { email: NAMESPACES.email, phone: NAMESPACES.phone, customer_id: NAMESPACES.customer_id }
    expect(make({ namespaces: turned }).rulesHash).toBe(make().rulesHash)
    expect(make({ target: 'phone' }).rulesHash).toBe(make().rulesHash)
    await make({ store }).observe([seen('1', 1, { customer_id: 'c-1' })])
    for (const options of [{ salt: 's' }, { blocked: { '*': [/x/] } }, { linkPreference: 'earliest' as const }]) {
      await expect(make({ store, ...options }).resolve([{}])).rejects.toMatchObject({ code: 'IDENTITY_RULES_CHANGED' })
      await expect(make({ store, ...options }).observe([])).rejects.toMatchObject({ code: 'IDENTITY_RULES_CHANGED' })
      // Another graph of the same store may have other rules.
      await make({ store, ...options, graph: `g-${Object.keys(options)[0]}` }).observe([
        seen('1', 1, { email: 'a@b.io' }),
      ])
    }
  })

  test('block what the host blocks, every time', async () => {
    const resolver = make({ blocked: { email: ['Shared@Example.com', /@test\.example$/g], '*': [/^x-/] } })
    const bags = ['shared@example.com', 'a@test.example', 'b@test.example', 'x-1@example.com', 'ada@example.com']
    const answers = await resolver.resolve(bags.map((email) => ({ email })))
    expect(answers.map(({ status }) => status)).toEqual([...Array(4).fill('unresolvable'), 'resolved'])
  })

  test('do not join anybody by an attribute', async () => {
    const resolver = make({ attributeOnly: ['phone'] })
    await resolver.observe([
      seen('1', 1, { customer_id: 'c-1', phone: '+491701234567' }),
      seen('2', 1, { email: 'ada@example.com', phone: '+491701234567' }),
    ])
    expect(await one(resolver, { customer_id: 'c-1' })).toMatchObject({ reason: { code: 'ADDRESS_UNKNOWN' } })
  })

  test('[I7] no error and no reason holds a value', async () => {
    const canary = 'canary-4711'
    const resolver = make()
    await resolver.observe([seen(canary, 1, { customer_id: canary, email: `${canary}@example.com` })])
    const answers = await resolver.resolve([
      { email: `${canary}@@` },
      { customer_id: `${canary}-2` },
      { [`${canary}@x.io`]: canary },
    ])
    expect(JSON.stringify(answers)).not.toContain(canary)
    const failing = watched((method) => {
      if (method === 'commit') throw new LakeloopError('STORE_FULL', { file: 'x' })
    })
    const thrown = await resolver
      .over(failing)
      .observe([seen(canary, 2, { customer_id: canary })])
      .catch((error: unknown) => error)
    expect(isLakeloopError(thrown, 'STORE_FULL')).toBe(true)
    expect(String(thrown)).not.toContain(canary)
  })
})
