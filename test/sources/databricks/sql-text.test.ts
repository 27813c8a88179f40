import { describe, expect, test } from 'vitest'
import { behind, parameterOf, quoted, tableName } from '../../../src/sources/databricks/sql-text.js'

describe('tableName()', () => {
  test.each([
    ['a.b.c', ['a', 'b', 'c']],
    ['scores', ['scores']],
    ['`my catalog`.b.`x.y`', ['my catalog', 'b', 'x.y']],
    ['a.`b``c`', ['a', 'b`c']],
    [' a . b ', ['a', 'b']],
  ])('%j', (text, parts) => {
    expect(tableName(text).parts).toEqual(parts)
    expect(tableName(tableName(text).sql).parts).toEqual(parts)
  })

  test.each(['', '.', 'a.', 'a..b', 'a b', 'a.b.c.d', 'a`b', "a'; DROP TABLE x"])('refuses %j', (text) => {
    expect(() => tableName(text)).toThrow('option table')
  })
})

test('a name in back-quotes cannot end early', () => {
  expect(quoted('a`; DROP TABLE x; --')).toBe('`a``; DROP TABLE x; --`')
})

describe('behind()', () => {
  const columns = [
    { name: 'w', type: 'timestamp' },
    { name: 'k', type: 'string' },
    { name: 'n', type: 'bigint' },
  ]
  const place = ['2026-01-01T00:00:00.000001Z', "it's", 7]

  test('is the order of tuples, with values as parameters only', () => {
    const { sql, parameters } = behind(columns, place)
    expect(sql).toBe('((`w` > :p0) OR (`w` = :p0 AND `k` > :p1) OR (`w` = :p0 AND `k` = :p1 AND `n` > :p2))')
    expect(parameters).toEqual({
      p0: { type: 'TIMESTAMP', value: '2026-01-01T00:00:00.000001Z' },
      p1: { type: 'STRING', value: "it's" },
      p2: { type: 'BIGINT', value: '7' },
    })
  })

  test.each([
    ['char(3)', 'STRING'],
    ['varchar(20)', 'STRING'],
    ['decimal(20,0)', 'DECIMAL(20,0)'],
    ['timestamp_ntz', 'TIMESTAMP_NTZ'],
    ['date', 'DATE'],
  ])('a %s is handed over as %s', (type, sqlType) => {
    expect(parameterOf(type, 'x').type).toBe(sqlType)
  })
})
