import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import { agedRecord, timePart } from '../../src/identity/aging.js'
import { storedRecord } from '../../src/identity/evidence.js'
import { IdentityResolver, type IdentityResolverOptions } from '../../src/identity/resolver.js'
import { compileRules } from '../../src/identity/rules.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { overlay } from '../../src/stores/overlay.js'
import type { Op, Store } from '../../src/stores/store.js'
import { evidenceOf, ids, law, RULES, resolverOf, rows, stateOf, timeOf } from './book.js'
import { oracle, type PlainRecord } from './oracle.js'

const NAMESPACES = {
  customer_id: { priority: 1, maxIdentifiers: 1 },
  email: { priority: 2, activeForDays: 30 },
  phone: { priority: 3 },
} as const

function make(options: Partial<IdentityResolverOptions> = {}): IdentityResolver {
  return new IdentityResolver({ store: new MemoryStore(), target: 'email', namespaces: NAMESPACES, ...options })
}
const seen = (key: string, observedAt: string | null, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const one = async (resolver: IdentityResolver, customer_id: string) => (await resolver.resolve([{ customer_id }]))[0]
const JANUARY = '2026-01-01T00:00:00Z'
const ADA = { customer_id: 'c-1', email: 'ada@example.com' }

/** A store whose commits are counted, and of which one fails. */
function faulty(store: Store, failing: number, sizes: number[] = []): Store {
  return new Proxy<Store>(store, {
    get(target, name) {
      const member = target[name as keyof Store]
      if (typeof member !== 'function') return member
      return (...given: unknown[]) => {
        if (name === 'commit' && sizes.push((given[0] as readonly Op[]).length) - 1 === failing) {
          return Promise.reject(new LakeloopError('STORE_FULL', { file: 'x' }))
        }
        return Reflect.apply(member, target, given)
      }
    },
  })
}

describe('activeForDays', () => {
  test('lets an identifier go on the day after, keeps it with the reason, and a newer record brings it back', async () => {
    const resolver = make()
    await resolver.observe([seen('1', JANUARY, ADA)])
    expect(await resolver.asOf()).toBeUndefined()
    expect(await resolver.advance({ asOf: '2026-01-31' })).toMatchObject({
      asOf: '2026-01-31T00:00:00.000Z',
      records: 0,
    })
    expect(await one(resolver, 'c-1')).toMatchObject({ address: 'ada@example.com' })
    expect(await resolver.advance({ asOf: '2026-01-31T00:00:00.000001Z' })).toMatchObject({ records: 1, conflicts: 0 })
    expect(await resolver.asOf()).toBe('2026-01-31T00:00:00.000001Z')
    expect(await one(resolver, 'c-1')).toMatchObject({ reason: { code: 'ADDRESS_UNKNOWN' } })
    const [kept] = await resolver.store.get('evidence', [['main', 'crm', '1']])
    expect(kept).toMatchObject({ ids: [['customer_id', 'c-1']], unusable: [['email', 'ada@example.com', 'inactive']] })
    expect(await resolver.observe([seen('1', JANUARY, ADA)])).toMatchObject({ records: 0 })
    await resolver.observe([seen('1', '2026-01-20T00:00:00Z', ADA)])
    expect(await one(resolver, 'c-1')).toMatchObject({ address: 'ada@example.com' })
  })

  test('holds for records that come late, and never for one without a time', async () => {
    const resolver = make()
    await resolver.advance({ asOf: '2026-06-01' })
    await resolver.observe([seen('1', JANUARY, ADA), seen('2', null, { customer_id: 'c-2', email: 'eve@example.com' })])
    expect(await one(resolver, 'c-1')).toMatchObject({ reason: { code: 'ADDRESS_UNKNOWN' } })
    await resolver.advance({ asOf: '2036-06-01' })
    expect(await one(resolver, 'c-2')).toMatchObject({ address: 'eve@example.com' })
  })

  test('gives an address that somebody has not used for long to who uses it', async () => {
    const resolver = make({ linkPreference: 'earliest' })
    await resolver.observe([seen('1', JANUARY, ADA), seen('2', '2026-01-25', { ...ADA, customer_id: 'c-2' })])
    expect(await one(resolver, 'c-2')).toMatchObject({ reason: { code: 'ADDRESS_CLAIMED' } })
    expect(await resolver.advance({ asOf: '2026-02-10' })).toMatchObject({ records: 1, conflicts: 0 })
    expect(await one(resolver, 'c-2')).toMatchObject({ address: 'ada@example.com' })
  })

  test('does not count one that aged as an owner of a shared value', async () => {
    const namespaces = { ...NAMESPACES, email: { priority: 2, hub: 1, activeForDays: 30 } }
    const resolver = make({ namespaces })
    await resolver.observe([seen('1', JANUARY, ADA), seen('2', '2026-01-25', { ...ADA, customer_id: 'c-2' })])
    expect(await one(resolver, 'c-2')).toMatchObject({ reason: { code: 'ADDRESS_UNKNOWN' } })
    await resolver.advance({ asOf: '2026-02-10' })
    expect(await one(resolver, 'c-2')).toMatchObject({ address: 'ada@example.com' })
  })

  test('costs no row where no namespace ages', async () => {
    const resolver = make({ namespaces: { ...NAMESPACES, email: { priority: 2 } } })
    await resolver.observe([seen('1', JANUARY, ADA)])
    expect(await rows(resolver.store, 'aging')).toEqual(new Map())
    expect(await resolver.advance({ asOf: '2036-01-01' })).toMatchObject({ records: 0 })
    expect(await one(resolver, 'c-1')).toMatchObject({ address: 'ada@example.com' })
  })
})

describe('advance()', () => {
  test.each([['yesterday'], [undefined], [17], ['2027-02-30'], ['2027-02-29T12:00:00Z']])(
    'refuses %j',
    async (asOf) => {
      const refused = { code: 'OPTION_INVALID', facts: { option: 'asOf' } }
      await expect(make().advance({ asOf: asOf as never })).rejects.toMatchObject(refused)
    },
  )

  test('goes forward only, and the same time again commits nothing', async () => {
    const resolver = make()
    await resolver.observe([seen('1', JANUARY, ADA)])
    await resolver.advance({ asOf: '2026-03-01' })
    const meta = await rows(resolver.store, 'identityMeta')
    await resolver.advance({ asOf: '2026-03-01T00:00:00Z' })
    expect(await rows(resolver.store, 'identityMeta')).toEqual(meta)
    await expect(resolver.advance({ asOf: '2026-02-28' })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('earlier than that of the graph'),
    })
  })

  test('commits about two thousand rows at a time, and derives only what crossed the line', async () => {
    const people = Array.from({ length: 1_500 }, (_, index) => ({
      customer_id: `c-${index}`,
      email: `e-${index}@x.io`,
    }))
    const resolver = make()
    const day = (index: number) => (index % 3 === 0 ? '2026-02-01' : JANUARY)
    await resolver.observe(people.map((bag, index) => seen(`${index}`, day(index), bag)))
    const sizes: number[] = []
    const counted = resolver.over(faulty(resolver.store, -1, sizes))
    expect(await counted.advance({ asOf: '2026-02-15' })).toMatchObject({ records: 1_000 })
    expect(sizes.length).toBeGreaterThan(4)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(3_500)
    expect((await rows(resolver.store, 'aging')).size).toBe(500)
    expect(await counted.advance({ asOf: '2026-04-15' })).toMatchObject({ records: 500 })
    expect((await rows(resolver.store, 'aging')).size).toBe(0)
  })

  test('after a crash in the middle takes what comes as of the new time, and goes on', async () => {
    const resolver = make()
    const people = Array.from({ length: 800 }, (_, index) => ({ customer_id: `c-${index}`, email: `e-${index}@x.io` }))
    await resolver.observe(people.map((bag, index) => seen(`${index}`, JANUARY, bag)))
    await expect(resolver.over(faulty(resolver.store, 2)).advance({ asOf: '2026-02-15' })).rejects.toThrow('STORE_FULL')
    expect(await resolver.asOf()).toBe('2026-02-15T00:00:00.000Z')
    await expect(resolver.advance({ asOf: '2026-02-14' })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await resolver.observe([seen('new', JANUARY, { customer_id: 'c-0', email: 'late@example.com' })])
    const { records } = await resolver.advance({ asOf: '2026-02-15' })
    expect(records).toBeGreaterThan(0)
    expect(records).toBeLessThan(800)
    for (const id of ['c-0', 'c-799']) expect(await one(resolver, id)).toMatchObject({ status: 'unresolved' })
  })

  test('takes another turn when somebody else wrote first', async () => {
    const store = new MemoryStore()
    const [left, right] = [make({ store }), make({ store })]
    const people = Array.from({ length: 400 }, (_, index) => ({ customer_id: `c-${index}`, email: `e-${index}@x.io` }))
    await left.observe(people.map((bag, index) => seen(`${index}`, JANUARY, bag)))
    const again = people.map((bag, index) => seen(`n-${index}`, '2026-02-10', bag))
    await Promise.all([
      left.advance({ asOf: '2026-02-15' }),
      right.observe(again),
      right.advance({ asOf: '2026-02-15' }),
    ])
    const answers = await left.resolve(people.map(({ customer_id }) => ({ customer_id })))
    expect(answers.every(({ status }) => status === 'resolved')).toBe(true)
    expect((await rows(store, 'aging')).size).toBe(400)
  })

  test('drops keys that no record stands behind', async () => {
    const resolver = make()
    await resolver.observe([seen('1', JANUARY, ADA)])
    await resolver.store.commit([{ op: 'put', table: 'aging', key: ['main', timePart(0), 'crm', 'gone'], value: 0 }])
    expect(await resolver.advance({ asOf: '2026-01-02' })).toMatchObject({ records: 0 })
    expect((await rows(resolver.store, 'aging')).size).toBe(1)
  })

  test('can be tried on an overlay', async () => {
    const resolver = make()
    await resolver.observe([seen('1', JANUARY, ADA)])
    const dry = resolver.over(overlay(resolver.store))
    expect(await dry.advance({ asOf: '2026-06-01' })).toMatchObject({ records: 1 })
    expect(await one(resolver, 'c-1')).toMatchObject({ status: 'resolved' })
    expect(await resolver.asOf()).toBeUndefined()
  })
})

describe('laws of aging', () => {
  const DAY = 1_440
  const AGES = { email: 3, phone: 2, device: 1 }
  const aging = { activeFor: Object.fromEntries(Object.entries(AGES).map(([name, days]) => [name, days * DAY])) }
  const namespaces = Object.fromEntries(
    Object.keys(RULES.ranks).map((name) => [
      name,
      {
        priority: RULES.ranks[name as 'email'],
        maxIdentifiers: RULES.limits[name as 'email'],
        anchor: RULES.anchors.includes(name as never),
        hub: RULES.hubs[name as 'email'] ?? false,
        activeForDays: AGES[name as 'email'],
      } as const,
    ]),
  )
  const day = fc.option(
    fc.integer({ min: 0, max: 7 }).map((days) => days * DAY),
    { freq: 8 },
  )
  const observed = fc.record({ key: fc.nat({ max: 9 }), at: day, ids })
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ seen: fc.array(observed, { minLength: 1, maxLength: 4 }) }) },
    { weight: 1, arbitrary: fc.record({ gone: fc.nat({ max: 9 }) }) },
    { weight: 2, arbitrary: fc.record({ days: fc.nat({ max: 4 }), crash: fc.option(fc.nat({ max: 3 })) }) },
  )

  test('G5 [I5] any history of records, times and crashes ends as the whole evidence taken at the last time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (history) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store, 'most-recent', { namespaces })
        const kept = new Map<string, PlainRecord>()
        let asOf = 0
        let isSettled = true
        for (const one of history) {
          if ('seen' in one) {
            const records = one.seen.map((record) => ({ ...record, key: `r${record.key}` }))
            for (const record of records) {
              const known = kept.get(record.key)?.at ?? null
              if (known === null || record.at === null || record.at >= known) kept.set(record.key, record)
            }
            await resolver.observe(records.map(evidenceOf))
          } else if ('gone' in one) {
            kept.delete(`r${one.gone}`)
            await resolver.retract([{ source: 'book', key: `r${one.gone}` }])
          } else {
            asOf += one.days * DAY
            const advancing = resolver.over(faulty(store, one.crash ?? -1)).advance({ asOf: timeOf(asOf) })
            isSettled = await advancing.then(
              () => true,
              () => false,
            )
            if (!isSettled && (await resolver.asOf()) === undefined) asOf = 0
            const meta = [...(await rows(store, 'identityMeta')).values()][0] as { asOf?: number } | undefined
            if (isSettled) expect(meta?.asOf).toBe((Date.UTC(2026, 0, 1) + asOf * 60_000) * 1_000)
          }
          if (!isSettled) continue
          const isTimed = (await resolver.asOf()) !== undefined
          const rules = { ...RULES, ...aging, ...(isTimed && { asOf }), prefer: 'most-recent' as const }
          expect(await stateOf(store)).toEqual(oracle([...kept.values()], rules))
        }
        await resolver.advance({ asOf: timeOf(asOf) })
        const whole = new MemoryStore()
        const rebuilt = resolverOf(whole, 'most-recent', { namespaces })
        await rebuilt.advance({ asOf: timeOf(asOf) })
        await rebuilt.observe([...kept.values()].map(evidenceOf))
        for (const table of ['evidence', 'evidenceById', 'identifier', 'conflict', 'quarantine', 'aging'] as const) {
          expect(await rows(store, table)).toEqual(await rows(whole, table))
        }
        expect(await stateOf(store)).toEqual(await stateOf(whole))
      }),
      law,
    )
  })

  test('a record aged in steps is the record aged at once, and keys are in the order of times', () => {
    const rules = compileRules({ namespaces })
    const time = fc.integer({ min: -62_000_000_000_000_000, max: 250_000_000_000_000_000 })
    fc.assert(
      fc.property(ids, day, fc.nat({ max: 9 * DAY }), fc.nat({ max: 9 * DAY }), time, time, (bag, at, x, y, s, t) => {
        const record = storedRecord(rules, evidenceOf({ key: 'r', at, ids: bag }))
        const [early, late] = [x, y].map((m) => (Date.UTC(2026, 0, 1) + m * 60_000) * 1_000).sort((a, b) => a - b)
        const steps = agedRecord(rules, agedRecord(rules, record, early), late)
        expect(JSON.stringify(steps)).toBe(JSON.stringify(agedRecord(rules, record, late)))
        expect(Math.sign(Buffer.compare(Buffer.from(timePart(s)), Buffer.from(timePart(t))))).toBe(Math.sign(s - t))
      }),
      law,
    )
  })
})
