import { describe, expect, test } from 'vitest'
import { Transform } from '../../src/transform/transform.js'

describe.each(['process', 'none'] as const)('try() shows how a row at fault was found, isolation %s', (isolation) => {
  const rows = [0, 1, 2, 3].map((n) => ({ n }))
  const slicesOf = async (program: string, batch: boolean) => {
    await using transform = Transform.fromText(program, { isolation, batch, timeoutMs: 300 })
    const { slices, stops, rows: fates } = await transform.try(rows, { now: 0 })
    const asked = slices.map(({ from, count, ended, done }) => [from, count, ended, done])
    return { asked, stops, ends: fates.map(({ status }) => status) }
  }

  test('nothing was wrong: each slice once', async () => {
    const { asked, stops } = await slicesOf('export default ({ n }) => ({ userId: n })', false)
    expect({ asked, stops }).toEqual({ asked: [[0, 4, 'ran', 4]], stops: 0 })
  })

  test('a row that does not end: row by row, and how often the process was stopped', async () => {
    const program = 'export default ({ n }) => { while (n === 2); return { userId: n } }'
    const { asked, stops, ends } = await slicesOf(program, false)
    expect(asked).toEqual([
      [0, 4, 'timeout', 0],
      [0, 1, 'ran', 1],
      [1, 1, 'ran', 1],
      [2, 1, 'timeout', 0],
      [3, 1, 'ran', 1],
    ])
    expect(stops).toBe(2)
    expect(ends).toEqual(['made', 'made', 'rejected', 'made'])
  })

  test('a row over which a program of many rows throws: by halves, without a stop', async () => {
    const program =
      'export default (rows) => rows.map((from) => { if (from.n === 2) throw new Error(); return { from, userId: from.n } })'
    const { asked, stops, ends } = await slicesOf(program, true)
    expect(asked).toEqual([
      [0, 4, 'undone', 0],
      [0, 2, 'ran', 2],
      [2, 2, 'undone', 0],
      [2, 1, 'undone', 0],
      [3, 1, 'ran', 1],
    ])
    expect(stops).toBe(0)
    expect(ends).toEqual(['made', 'made', 'rejected', 'made'])
  })
})

describe('rows made by hand that are no rows are a mistake that is told, and end no process:', () => {
  const circle: Record<string, unknown> = {}
  circle.again = circle
  test.each<[string, unknown, string]>([
    ['none', undefined, 'is no array'],
    ['one row', { id: 'a' }, 'is no array'],
    ['null', [{}, null], 'has at 1 what is no object'],
    ['a number', [5], 'has at 0 what is no object'],
    ['an array', [[{ id: 'a' }]], 'has at 0 what is no object'],
    ['a bigint', [{ id: 1n, email: 'canary' }], 'holds at 0 what JSON has no text for, such as a bigint or a circle'],
    ['a circle', [{}, circle], 'holds at 1 what JSON has no text for, such as a bigint or a circle'],
  ])('%s', async (_, rows, problem) => {
    await using transform = Transform.fromText('export default () => null')
    const error: unknown = await transform.try(rows as never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'OPTION_INVALID', facts: { part: 'Transform.try', option: 'rows', problem } })
    expect(String(error)).not.toContain('canary')
  })
})
