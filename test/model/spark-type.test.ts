import { expect, test } from 'vitest'
import { parseSparkType, quoteField } from '../../src/model/spark-type.js'

test.each([
  ['int', { word: 'INT', text: 'int', parts: [], names: [] }],
  [' DECIMAL( 10 , 2 ) ', { word: 'DECIMAL', text: 'decimal(10,2)', parts: [], names: [] }],
  ['interval day to second', { word: 'INTERVAL', text: 'interval day to second', parts: [], names: [] }],
  ["STRUCT<a: INT NOT NULL COMMENT 'x, >', `b ``c`: STRING>", { word: 'STRUCT', names: ['a', 'b `c'] }],
  [
    'map<string,array<date>>',
    { word: 'MAP', parts: [{ word: 'STRING' }, { word: 'ARRAY', parts: [{ word: 'DATE' }] }] },
  ],
])('parseSparkType(%j)', (text, type) => {
  expect(parseSparkType(text)).toMatchObject(type)
})

test.each(['', '<', 'struct<a>', 'array<int', 'array<int>>', 'struct<`a:int>', 'map<int,>'])(
  '%j is no type',
  (text) => {
    expect(parseSparkType(text)).toBeUndefined()
  },
)

test.each(['a', 'b c', '`', '``', '', 'a:b', '>', ','])('reads a field back that quoteField wrote: %j', (name) => {
  expect(parseSparkType(`struct<${quoteField(name)}:int>`)?.names).toEqual([name])
})

test('a type that is nested without end is none, and not a stack that overflows', () => {
  const nested = (depth: number) => `${'array<'.repeat(depth)}int${'>'.repeat(depth)}`
  expect(parseSparkType(nested(100))).toBeDefined()
  expect(parseSparkType(nested(50_000))).toBeUndefined()
})
