import { RowsSource } from 'lakeloop'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Desk, ROWS } from './desk.js'

let desk: Desk
beforeEach(async () => {
  desk = await Desk.open()
})
afterEach(() => desk.close())

/** Rows that tell the command to end when they are read for the third time. */
function endingSource(name: string) {
  let reads = 0
  const rows = () => {
    reads += 1
    if (reads === 3) desk.ending.abort('SIGTERM')
    return ROWS
  }
  return new RowsSource({ name, rows: () => rows(), key: ['id'], complete: true })
}

test('lakeloop watch runs again and again, tells each run, and ends with 0 when it is told to', async () => {
  desk.sync('churn', { source: endingSource('churn') })
  const { exit, said } = await desk.run('watch', '--every', '100ms')
  expect(exit).toBe(0)
  expect(said.filter((line) => / {2}complete {4} {2}/.test(line)).length).toBeGreaterThanOrEqual(2)
  expect(said.at(-1)).toMatch(/^churn: watch cancelled after \d+ runs/)
})

test('one that needs a person ends with 1, and the others go on until they are told to end', async () => {
  desk.sync('churn', { source: endingSource('churn') })
  // More rows are rejected than `rejectedShareMax` allows.
  const bad = Array.from({ length: 300 }, (_, n) => ({ id: `C-${n}`, email: `p${n}@example.com`, score: 'high' }))
  desk.sync('second', { rows: bad })
  const { exit, told } = await desk.json('watch', '--every', '100ms')
  const ends = (told as readonly { sync: string; status: string; runs?: number }[]).filter(
    ({ runs }) => runs !== undefined,
  )
  expect([exit, ends]).toMatchObject([
    1,
    [
      { sync: 'churn', status: 'cancelled' },
      { sync: 'second', status: 'stopped' },
    ],
  ])
})

test.each([
  [['watch', '--every', '1ms'], '--every is a time such as'],
  [['watch', '--lag-max', '10ms'], '--lag-max is a time such as'],
  [['watch', 'none'], 'there is no sync none'],
])('%j is a mistake', async (args, says) => {
  desk.sync('churn')
  await expect(desk.run(...args)).rejects.toThrow(says)
})
