import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { keyPart } from '../../src/stores/store.js'
import { type Handles, Theirs } from '../../src/sync/erase-person.js'

const identity = new IdentityResolver({
  store: new MemoryStore(),
  target: 'email',
  namespaces: { customer_id: { priority: 1, maxIdentifiers: 1 } },
})
const theirs = (bag: Record<string, string>, more: Partial<Handles> = {}) =>
  new Theirs(
    {
      identifiers: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
      spellings: [],
      profileIds: [],
      records: [],
      ...more,
    },
    { target: 'email', written: (identifier) => identity.written(identifier) },
  )

describe('an address', () => {
  const ann = theirs({ email: 'ann@example.com' })

  test.each([
    'ann@example.com',
    ' ANN@Example.com ',
    'Ann <ann@example.com>',
    'write to ann@example.com.',
    'mailto:ann@example.com?x=1',
    'a@b.io,ann@example.com',
  ])('is found in %j', (text) => {
    expect(ann.isRow({ note: { deep: [text] } }, undefined)).toBe(true)
  })

  test.each([
    'joann@example.com',
    'jo.ann@example.com',
    'x+ann@example.com',
    'ann@example.com.au',
    'ann@example.community',
    'ann@@example.com',
    'nann@example.co',
  ])('is not %j', (text) => {
    expect(ann.isRow({ note: text }, undefined)).toBe(false)
  })

  test('is found as a field name, and in what an action says', () => {
    expect(ann.isRow({ 'ann@example.com': true }, undefined)).toBe(true)
    const action = { kind: 'event', identifiers: { customer_id: 'c-2' } }
    expect(ann.isAction({ ...action, dataFields: { by: 'ann@example.com' } })).toBe(true)
    expect(ann.isAction({ ...action, identifiers: { email: 'ANN@example.com' } })).toBe(true)
    expect(ann.isAction(action)).toBe(false)
  })

  test('that is too long for a key is found by its digest', () => {
    const long = `${'a'.repeat(60)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(10)}.com`
    const one = theirs({ email: long }, { spellings: [`x${'y'.repeat(300)}`] })
    expect(one.isAddress(keyPart(`x${'y'.repeat(300)}`))).toBe(true)
    expect(one.isAddress(long)).toBe(true)
    expect(one.isAddress(keyPart('other'.repeat(100)))).toBe(false)
  })
})

describe('a number that anybody may have', () => {
  const seven = theirs({ customer_id: '7' })

  test.each([
    [{ customerId: 7 }, undefined],
    [{ Customer_ID: '7' }, undefined],
    [{ who: 7 }, '7'],
    [{ who: 7 }, '["x",7]'],
  ])('counts in %j with the key %j', (row, key) => {
    expect(seven.isRow(row, key)).toBe(true)
  })

  test.each([
    [{ age: 7 }, undefined],
    [{ age: 7 }, '17'],
    [{ age: '7' }, '["x",17]'],
    [{ customer_id: 17 }, undefined],
    [{ note: 'c/7/x' }, undefined],
  ])('does not count in %j with the key %j', (row, key) => {
    expect(seven.isRow(row, key)).toBe(false)
  })

  test('counts where an action names it by its namespace, and as a part of the key of what is harmless to send again', () => {
    expect(seven.isAction({ kind: 'event', identifiers: { customer_id: '7' } })).toBe(true)
    expect(seven.isAction({ kind: 'event', identifiers: { email: 'a@b.io' }, createdAt: 7 })).toBe(false)
    expect([seven.isKey('7', undefined), seven.isKey('["2026",7]', undefined)]).toEqual([true, true])
    expect([seven.isKey('17', undefined), seven.isKey('["7x"]', undefined), seven.isKey('[7', undefined)]).toEqual([
      false,
      false,
      false,
    ])
    expect(seven.isTelling('7')).toBe(false)
  })
})

test('a long id is found as a whole word or number, in any case', () => {
  const one = theirs({ customer_id: 'c-001234' })
  expect(['order:C-001234:7', 'c-001234', '["c-001234","2"]'].map((text) => one.isKey(text, undefined))).toEqual([
    true,
    true,
    true,
  ])
  expect(['c-0012345', 'abc-001234', 'c-00123'].map((text) => one.isKey(text, undefined))).toEqual([
    false,
    false,
    false,
  ])
})

test('the row of a record is known by its source and key, the numbered ones of one row too', () => {
  const one = theirs({}, { records: [['scores', 'r-1#2']] })
  expect([one.isRecord('scores', 'r-1'), one.isRecord('scores', 'r-1#2'), one.isRecord('other', 'r-1')]).toEqual([
    true,
    true,
    false,
  ])
  expect(one.isKey('r-1', undefined)).toBe(false)
})
