import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ANSWERS } from '../../src/testing/fake-iterable/options.js'
import { goldenNames } from './fake-project.js'

/**
 * What is known of Iterable's answers, one fact a line: its section and number in the collection that the fake was written
 * from, the fact, whether a source says it, and the tests that show it (a file and part of a title; `golden:` a recorded
 * answer), or why none does.
 */
interface Row {
  readonly row: string
  readonly says: string
  readonly mark: 'source' | 'unsure' | 'invented'
  readonly from: string
  readonly tests?: readonly (readonly [file: string, title: string])[]
  readonly untested?: string
  /** Of a fact that is unsure and has no switch: how both ways are shown, or why one is enough. */
  readonly otherwise?: string
}

const ROOT = new URL('../../', import.meta.url)
const LIST = new URL('test/golden/iterable/rows.jsonl', ROOT)
const rows = readFileSync(LIST, 'utf8')
  .trim()
  .split('\n')
  .map((line): Row => JSON.parse(line))

/** How many facts each section has: transport, identity, endpoints, types. */
const SECTIONS: Readonly<Record<string, number>> = {
  ...{ '1.1': 7, '1.2': 5, '1.3': 6, '1.4': 21, '1.5': 8 },
  ...{ '2.1': 10, '2.2': 15, '2.3': 7, '2.4': 3, '2.5': 4, '2.6': 4 },
  ...{ '3.0': 26, '3.1': 23, '3.2': 12, '3.3': 9, '3.4': 15, '3.5': 3, '3.6': 12, '3.7': 1, '3.8': 2, '3.9': 6 },
  ...{ '4.1': 1, '4.2': 5, '4.3': 7, '4.4': 2, '4.5': 11, '4.6': 12 },
}

const titlesByFile = new Map<string, readonly string[]>()

/** Texts that are followed by a function, and the first ones of an array: titles of tests, and of cases of one. */
function titlesOf(file: string): readonly string[] {
  const known = titlesByFile.get(file)
  if (known !== undefined) return known
  const path = new URL(file, ROOT)
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const titles = [
    ...text.matchAll(/(['"`])((?:\\.|(?!\1)[^\n])+)\1,\s*(?:async )?\(/g),
    ...text.matchAll(/\[\s*(['"`])((?:\\.|(?!\1)[^\n])+)\1,/g),
  ].map(([, , title = '']) => title)
  titlesByFile.set(file, titles)
  return titles
}

describe('test/golden/iterable/rows.jsonl', () => {
  test('has each fact once, in order', () => {
    const wanted = Object.entries(SECTIONS).flatMap(([section, count]) =>
      Array.from({ length: count }, (_, at) => `${section}/${at + 1}`),
    )
    expect(rows.map(({ row }) => row)).toEqual(wanted)
  })

  test('names tests that are there, or says why there is none', () => {
    const recorded = new Set(goldenNames().map((name) => `golden:${name}`))
    const isThere = ([file, title]: readonly [string, string]): boolean =>
      recorded.has(title) || titlesOf(file).some((one) => one.includes(title))
    const wrong = rows.filter(({ tests = [], untested }) =>
      untested === undefined ? tests.length === 0 || !tests.every(isThere) : tests.length > 0 || untested === '',
    )
    expect(wrong).toEqual([])
  })

  test('shows what no source settles in both ways: every switch of the fake but those of exports', () => {
    const exports = ['dataTypeCase', 'exportEventId', 'exportUserKeys', 'exportLines']
    const coercion = '[unsure] %s: %s, or the other way round: %j'
    const cited = rows.flatMap(({ tests = [] }) => tests.map(([, title]) => title))
    const coercions = readFileSync(new URL('test/testing/fake-types.test.ts', ROOT), 'utf8')
    const isShown = (name: string): boolean =>
      cited.some((title) => title.includes(name)) || (cited.includes(coercion) && coercions.includes(`['${name}', `))
    expect(Object.keys(ANSWERS).filter((name) => !exports.includes(name) && !isShown(name))).toEqual([])
  })

  test('shows every fact that is unsure by a switch, or says how else', () => {
    const switches = [...Object.keys(ANSWERS), '[unsure] %s: %s, or the other way round: %j']
    const wrong = rows.filter(({ mark, tests = [], otherwise, untested }) => {
      const isSwitched = tests.some(([, title]) => switches.some((name) => title.includes(name)))
      const isShown = isSwitched || (otherwise ?? untested ?? '') !== ''
      return mark === 'unsure' ? !isShown : otherwise !== undefined
    })
    expect(wrong.map(({ row, says }) => `${row} ${says}`)).toEqual([])
  })

  test('marks every fact that has no source', () => {
    expect(rows.filter(({ mark, from }) => mark === 'source' && !/[A-Z]/.test(from) && from !== 'derived')).toEqual([])
    expect(new Set(rows.map(({ mark }) => mark))).toEqual(new Set(['source', 'unsure', 'invented']))
  })
})
