import { describe, expect, test } from 'vitest'
import { SPARK } from '../../src/transform/child/spark/spark.js'
import { errorIn, examples } from './spark-page.js'

const evaluate = (expression: string): unknown => new Function('spark', `return (${expression})`)(SPARK)

describe('docs/spark.md says what comes of', () => {
  test.each(examples)('$call', (example) => {
    const error = errorIn(example)
    if (error === undefined) {
      expect(evaluate(example.call)).toStrictEqual(evaluate(example.result))
    } else {
      expect(() => evaluate(example.call)).toThrow(expect.objectContaining({ name: error[0], message: error[1] }))
    }
  })
})

test('docs/spark.md shows each helper, and an error of most', () => {
  const names = Object.entries(SPARK).flatMap(([name, held]) =>
    typeof held === 'function' ? [name] : Object.keys(held as object).map((inner) => `${name}.${inner}`),
  )
  const called = new Set(examples.map(({ call }) => /^spark\.([\w.]+)\(/.exec(call)?.[1]))
  expect([...called].sort()).toEqual(names.sort())
  expect(examples.filter((example) => errorIn(example) !== undefined).length).toBeGreaterThan(6)
})
