import { expect, test } from 'vitest'
import { atOnce, inTurns, type Steps } from '../../src/destinations/turns.js'

function* steps(count: number, fails?: number): Steps<string> {
  for (let nth = 0; nth < count; nth += 1) {
    if (nth === fails) throw new Error(`step ${nth}`)
    yield
  }
  return `${count} steps`
}

/** Each look at the clock is `ms` later. */
function turns(ms: number) {
  const given = { at: 0, turns: 0 }
  return {
    given,
    now: () => (given.at += ms),
    turn: async () => {
      given.turns += 1
    },
  }
}

test('short work is done at once', () => {
  const by = turns(1)
  expect([inTurns(steps(3), by), by.given.turns]).toEqual(['3 steps', 0])
})

test('long work gives a turn whenever it has held the loop for 4 ms', async () => {
  const by = turns(1)
  const work = inTurns(steps(80), by)
  expect(work).toBeInstanceOf(Promise)
  expect([await work, by.given.turns]).toEqual(['80 steps', 20])
})

test('what fails before the first turn is thrown, and behind it the promise is rejected', async () => {
  expect(() => inTurns(steps(80, 2), turns(1))).toThrow('step 2')
  await expect(inTurns(steps(80, 30), turns(1))).rejects.toThrow('step 30')
})

test('without turns it comes to the same', () => {
  expect(atOnce(steps(80))).toBe('80 steps')
})
