import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import { overlay } from '../../src/stores/overlay.js'
import { baseOf, type Encryption, Keys, SEALED_TABLES, SealedStore } from '../../src/stores/sealed.js'
import type { Key, Op, Table } from '../../src/stores/store.js'

const KEY: Key = ['p', 's', 'ada@example.com', 'profile']
const VALUE = { action: { identifiers: { email: 'canary@example.com' } }, at: '2026-11-23' }
const [ONE, TWO] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]

const sealed = (base = new MemoryStore(), encryption?: Encryption) => new SealedStore(base, new Keys(encryption))
const put = (key: Key = KEY, value: object = VALUE, table: Table = 'deadLetter'): Op =>
  ({ op: 'put', table, key, value }) as Op

const thrownBy = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable(),
    (thrown: unknown) => thrown,
  )

describe('SealedStore', () => {
  test.each([...SEALED_TABLES])(
    'keeps nothing of a value of %s in the clear, gives it back whole, and leaves the key',
    async (table) => {
      const base = new MemoryStore()
      const store = sealed(base, { key: ONE })
      await store.commit([put(KEY, VALUE, table)])
      const [raw] = await base.scan(table, { prefix: ['p'], limit: 10 })
      expect(raw?.key).toEqual(KEY)
      expect(JSON.stringify(raw?.value)).not.toMatch(/canary|identifiers|2026/)
      expect(Object.keys(raw?.value as object)).toEqual(['$sealed', 'data'])
      expect(await store.get(table, [KEY, ['p', 'none']])).toEqual([VALUE, undefined])
      expect(await store.scan(table, { prefix: ['p'], limit: 10 })).toEqual([{ key: KEY, value: VALUE }])
    },
  )

  test('leaves the other tables as they are', async () => {
    const base = new MemoryStore()
    await sealed(base, { key: ONE }).commit([put(KEY, VALUE, 'fingerprint'), put()])
    expect(await base.get('fingerprint', [KEY])).toEqual([VALUE])
    expect(await base.get('deadLetter', [KEY])).not.toEqual([VALUE])
  })

  test('never seals a value to the same text twice', async () => {
    const base = new MemoryStore()
    const store = sealed(base, { key: ONE })
    const texts = new Set<string>()
    for (let time = 0; time < 20; time += 1) {
      await store.commit([put()])
      texts.add(JSON.stringify(await base.get('deadLetter', [KEY])))
    }
    expect(texts.size).toBe(20)
  })

  test('reads what was written before a key was given, and seals it when it is written again', async () => {
    const base = new MemoryStore()
    await sealed(base).commit([put()])
    const store = sealed(base, { key: ONE })
    const [value] = await store.get('deadLetter', [KEY])
    expect(value).toEqual(VALUE)
    await store.commit([put(KEY, value as object)])
    expect(await base.get('deadLetter', [KEY])).not.toEqual([VALUE])
    expect(await store.get('deadLetter', [KEY])).toEqual([VALUE])
  })

  test('reads what a former key sealed, and writes with the new one', async () => {
    const base = new MemoryStore()
    await sealed(base, { key: ONE }).commit([put()])
    const store = sealed(base, { key: TWO, former: [randomBytes(32), ONE] })
    expect(await store.get('deadLetter', [KEY])).toEqual([VALUE])
    await store.commit([put()])
    expect(await sealed(base, { key: TWO }).get('deadLetter', [KEY])).toEqual([VALUE])
  })

  test.each([
    ['no key', undefined],
    ['another key', { key: TWO }],
    ['other keys', { key: TWO, former: [randomBytes(32)] }],
  ])('says with %s which table it cannot read, and no value', async (_, encryption) => {
    const base = new MemoryStore()
    await sealed(base, { key: ONE }).commit([put()])
    const store = sealed(base, encryption)
    const range = { prefix: [], limit: 10 }
    for (const read of [() => store.get('deadLetter', [KEY]), () => store.scan('deadLetter', range)]) {
      const error = await thrownBy(read())
      expect(error).toMatchObject({ code: 'SEALED_KEY_MISSING', facts: { table: 'deadLetter' } })
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/example\.com|canary/)
    }
  })

  test.each(['another key', 'another table', 'changed'] as const)(
    'refuses a sealed value that was put elsewhere: %s',
    async (how) => {
      const base = new MemoryStore()
      const store = sealed(base, { key: ONE })
      await store.commit([put()])
      const [value] = (await base.get('deadLetter', [KEY])) as [{ $sealed: string; data: string }]
      const bytes = Buffer.from(value.data, 'base64')
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      const [table, key, moved] = {
        'another key': ['deadLetter', ['p', 's', 'eve', 'profile'], value],
        'another table': ['parked', KEY, value],
        changed: ['deadLetter', KEY, { ...value, data: bytes.toString('base64') }],
      }[how] as [Table, Key, object]
      await base.commit([put(key, moved, table)])
      await expect(store.get(table, [key])).rejects.toMatchObject({ code: 'SEALED_VALUE_DAMAGED', facts: { table } })
    },
  )

  test('a truncated value is damaged, and no crash', async () => {
    const base = new MemoryStore()
    const store = sealed(base, { key: ONE })
    await store.commit([put()])
    const [value] = (await base.get('deadLetter', [KEY])) as [{ $sealed: string; data: string }]
    for (const data of ['', value.data.slice(0, 8), value.data.slice(0, 30)]) {
      await base.commit([put(KEY, { ...value, data })])
      await expect(store.get('deadLetter', [KEY])).rejects.toMatchObject({ code: 'SEALED_VALUE_DAMAGED' })
    }
  })

  describe('check', () => {
    const check = (is: object | undefined): Op => ({ op: 'check', table: 'deadLetter', key: KEY, is: is as never })

    test('compares what is sealed by what it says', async () => {
      const store = sealed(new MemoryStore(), { key: ONE })
      await store.commit([check(undefined), put()])
      await store.commit([check(VALUE), put(KEY, { at: 2 })])
      expect(await store.get('deadLetter', [KEY])).toEqual([{ at: 2 }])
      for (const is of [VALUE, undefined]) {
        await expect(store.commit([check(is), put()])).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
      }
      expect(await store.get('deadLetter', [KEY])).toEqual([{ at: 2 }])
      await expect(sealed(new MemoryStore(), { key: ONE }).commit([check(VALUE)])).rejects.toMatchObject({
        code: 'STORE_CONFLICT',
      })
    })

    test('sees what another process wrote between its look and its commit', async () => {
      const base = new MemoryStore()
      const store = sealed(base, { key: ONE })
      await store.commit([put()])
      const get = base.get.bind(base)
      base.get = async (...asked) => {
        const found = await get(...asked)
        base.get = get
        await sealed(base, { key: ONE }).commit([put()]) // equal, and yet another
        return found
      }
      await expect(store.commit([check(VALUE), put()])).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
    })
  })

  test('works over an overlay, whose base stays as it was', async () => {
    const base = new MemoryStore()
    const store = sealed(base, { key: ONE })
    await store.commit([put()])
    const before = await base.get('deadLetter', [KEY])
    const dry = store.over(overlay(store.base))
    expect(await dry.get('deadLetter', [KEY])).toEqual([VALUE])
    await dry.commit([{ op: 'check', table: 'deadLetter', key: KEY, is: VALUE }, put(KEY, { at: 3 })])
    expect(await dry.scan('deadLetter', { prefix: ['p'], limit: 10 })).toEqual([{ key: KEY, value: { at: 3 } }])
    expect(await base.get('deadLetter', [KEY])).toEqual(before)
    expect(baseOf(store)).toBe(base)
  })

  test('refuses what is no JSON as any store does', async () => {
    const commit = sealed(new MemoryStore(), { key: ONE }).commit([put(KEY, (() => 1) as never)])
    await expect(commit).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})

describe('a key', () => {
  const text = ONE.toString('base64')
  test.each([
    ['bytes', new Uint8Array(32).fill(1)],
    ['base64', text],
    ['base64url without padding', ONE.toString('base64url')],
    ['a function', () => ONE],
    ['a function that takes its time', async () => text],
  ])('may be %s, and is the same one', async (_, key) => {
    const base = new MemoryStore()
    await sealed(base, { key: ONE }).commit([put()])
    expect(await sealed(base, { key }).get('deadLetter', [KEY])).toEqual([VALUE])
  })

  test.each([
    ['too short', Buffer.alloc(31)],
    ['a password', 'correct horse battery staple 1234'],
    ['hex', ONE.toString('hex')],
    ['a number', 31_415_926_535_897],
  ])('that is %s is refused, at once or when it is asked for, and never shown', async (_, key) => {
    const facts = expect.objectContaining({ part: 'Sync', option: 'encryption.key' })
    const invalid = { code: 'OPTION_INVALID', facts }
    expect(() => new Keys({ key: key as never })).toThrow(expect.objectContaining(invalid))
    const late = sealed(new MemoryStore(), { key: () => key as never }).commit([put()])
    const error = await thrownBy(late)
    expect(error).toMatchObject(invalid)
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(String(key).slice(0, 12))
  })

  test.each([[undefined], [null], ['']])('that is %j is missing', async (key) => {
    const missing = { code: 'CREDENTIALS_MISSING', facts: { part: 'Sync', option: 'encryption.former.0' } }
    expect(() => new Keys({ key: ONE, former: [key as never] })).toThrow(expect.objectContaining(missing))
    const late = sealed(new MemoryStore(), { key: () => key as never })
    await expect(late.commit([put()])).rejects.toMatchObject({ code: 'CREDENTIALS_MISSING' })
  })

  test('is asked of a function once, when it is needed, and again after that failed', async () => {
    let asked = 0
    const key = () => {
      asked += 1
      if (asked === 1) throw new Error('vault is down')
      return ONE
    }
    const store = sealed(new MemoryStore(), { key })
    await store.get('run', [KEY])
    expect(asked).toBe(0)
    await expect(store.commit([put()])).rejects.toMatchObject({ code: 'CREDENTIALS_MISSING' })
    await store.commit([put()])
    await store.get('deadLetter', [KEY])
    expect(asked).toBe(2)
  })

  test('is a copy of what was given, and no way to show a store shows it', async () => {
    const given = Buffer.from('a key of 32 letters, of my own..')
    const store = sealed(new MemoryStore(), { key: given, former: [() => given] })
    await store.commit([put()])
    const shown = `${inspect(store, { depth: 9, showHidden: true })}${JSON.stringify(store)}`
    expect(shown).not.toContain('letters')
    expect(shown).not.toContain('61 20 6b') // its first bytes
    given.fill(0)
    expect(await store.get('deadLetter', [KEY])).toEqual([VALUE])
  })
})
