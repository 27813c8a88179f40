import { expect, test } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { PageRows } from '../../src/sync/page-rows.js'

const three = () => rowBlock([{ id: 'a', at: 't' }, { id: '' }, { id: 'c' }], { key: ['id'], changedAt: 'at' })

test('rows that became actions are let go, and keys and times of all stay [I12]', () => {
  const rows = new PageRows(three())
  rows.letGo((row) => row === 1)
  expect([0, 1, 2].map((row) => rows.key(row))).toEqual(['a', '[""]', 'c'])
  expect([0, 1].map((row) => rows.changedAt(row))).toEqual(['t', undefined])
  expect(rows.at(1)).toEqual({ id: '' })
  expect(() => rows.at(0)).toThrow(RangeError)
  expect(() => rows.json(0, 1)).toThrow(RangeError)
})

test('until then they are as the source gave them, under keys that a store takes', () => {
  const rows = new PageRows(rowBlock([{ id: 'a\nb' }], { key: ['id'] }))
  expect(rows.at(0)).toEqual({ id: 'a\nb' })
  expect(Buffer.from(rows.json(0, 1)).toString()).toBe('[{"id":"a\\nb"}]')
  expect(rows.key(0)).toMatch(/^#[0-9a-f]{64}$/)
})
