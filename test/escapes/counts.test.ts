import { expect, test } from 'vitest'
import { EXPRESSIONS, PROGRAMS } from './programs/loading.js'
import { KILLS, SURVIVED } from './table.js'

type Named = readonly [attack: string, ...unknown[]]

const KINDS: readonly { readonly reference: readonly Named[]; readonly own: readonly Named[] }[] = [
  ...Object.values(SURVIVED),
  ...Object.values(KILLS),
  EXPRESSIONS,
  PROGRAMS,
]

test('63 programs of the research, and at least as many of our own, each with a name', () => {
  const attacks = KINDS.flatMap(({ reference, own }) => [...reference, ...own]).map(([attack]) => attack)
  expect(KINDS.flatMap(({ reference }) => reference).length).toBeGreaterThanOrEqual(63)
  expect(KINDS.flatMap(({ own }) => own).length).toBeGreaterThanOrEqual(63)
  expect(attacks.filter((attack, at) => attacks.indexOf(attack) !== at)).toEqual([])
})
