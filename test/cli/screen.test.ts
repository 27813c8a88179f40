import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { progressText, showProgress } from '../../src/cli/progress.js'
import { hasColours, jsonLine, oneLine, painted, type Screen, StatusLine } from '../../src/cli/screen.js'
import { durationOf, numberOf, UsageError } from '../../src/cli/usage.js'
import { satisfies } from '../../src/cli/version-range.js'
import type { RowCounts, Sync, SyncEvents } from '../../src/index.js'

const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u

describe('what is printed', () => {
  const hostile = fc.string({
    unit: fc.oneof(fc.constantFrom('\u001b', '\n', '\r', '\u0007', '\u009b', '\u202e', '\u2028'), fc.string()),
  })

  test('oneLine() leaves nothing that steers a terminal', () => {
    fc.assert(fc.property(hostile, (text) => !STEERING.test(oneLine(text))))
    expect(oneLine('a\u001b[2Jb\nc')).toBe('a [2Jb c')
  })

  test('jsonLine() is JSON of the same value on one line that steers nothing', () => {
    fc.assert(
      fc.property(hostile, hostile, (key, value) => {
        const line = jsonLine({ [key]: value })
        expect(line).not.toMatch(STEERING)
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify({ [key]: value })))
      }),
    )
  })

  test.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { NO_COLOR: '' }, true], // empty counts as not set: no-color.org
    [{ isTTY: true }, { TERM: 'dumb' }, false],
    [{ isTTY: false }, {}, false],
  ])('colours on %j with %j: %s', (stream, env, expected) => {
    expect(hasColours(stream, env)).toBe(expected)
    expect(painted(expected, 'red', 'a').includes('\u001b')).toBe(expected)
  })
})

const screenOf = (live: boolean, columns = 40) => {
  const written: string[] = []
  const screen: Screen = { live, colours: false, columns: () => columns, write: (text) => written.push(text) }
  return { screen, written }
}

test('a status line is drawn in its place, never wider than the screen, and is gone in the end', () => {
  const { screen, written } = screenOf(true)
  const line = new StatusLine(screen)
  line.draw('x'.repeat(100))
  line.tell('above')
  line.draw('again')
  line.clear()
  line.clear()
  expect(written).toEqual([`\r\u001b[K${'x'.repeat(39)}`, '\r\u001b[K', 'above\n', '\r\u001b[Kagain', '\r\u001b[K'])
})

const ROWS: RowCounts = {
  read: 500,
  accepted: 490,
  unchanged: 0,
  rejected: 7,
  parked: 3,
  superseded: 0,
  filtered: 0,
  unsettled: 0,
}

test('progress says rows, rate, what went wrong, and a bar only where it is known how much there is', () => {
  expect(progressText('churn', { rows: ROWS }, 1_000)).toBe('churn  500 rows, 500/s, 7 rejected, 3 parked')
  expect(progressText('churn', { rows: ROWS, total: 2_000, etaMs: 3_000 }, 1_000)).toBe(
    'churn  [######..................]  25 %  500 of 2,000 rows, 500/s, 7 rejected, 3 parked, about 3.0 s left',
  )
  expect(progressText('churn', { rows: ROWS, total: 400 }, 0)).toContain('[########################] 100 %') // more than was thought
})

describe('showProgress()', () => {
  /** A sync of which only events matter. */
  function emitter() {
    const heard = new Map<string, (event: never) => void>()
    const sync = {
      name: 'churn',
      on: (name: string, listener: (event: never) => void) => heard.set(name, listener) && sync,
      off: (name: string) => heard.delete(name) && sync,
    }
    const tell = <K extends keyof SyncEvents>(name: K, event: object) => heard.get(name)?.(event as never)
    return { sync: sync as unknown as Sync, tell, heard }
  }

  test('without a terminal says a whole line every ten seconds, and none before', () => {
    let now = 0
    const { screen, written } = screenOf(false)
    const { sync, tell, heard } = emitter()
    const end = showProgress(sync, screen, () => now)
    for (now = 1_000; now <= 25_000; now += 1_000) tell('progress', { rows: ROWS })
    expect(written).toEqual([expect.stringMatching(/^churn {2}500 rows.*\n$/), expect.stringMatching(/\n$/)])
    end()
    expect(heard.size).toBe(0)
  })

  test('on a terminal draws one line, at most ten times a second', () => {
    let now = 0
    const { screen, written } = screenOf(true, 80)
    const { sync, tell } = emitter()
    const end = showProgress(sync, screen, () => now)
    for (now = 0; now < 1_000; now += 10) tell('progress', { rows: ROWS })
    expect(written).toHaveLength(10)
    expect(written.join('')).not.toContain('\n')
    end()
    expect(written.at(-1)).toBe('\r\u001b[K')
  })
})

describe('what is written on the command line', () => {
  test.each([
    ['30s', 30_000],
    ['30', 30_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['0', 0],
  ])('durationOf(%s)', (text, ms) => expect(durationOf('grace', text, { max: 86_400_000 })).toBe(ms))

  test.each(['', 'soon', '-1s', '1 week', '2d', '1e3', 'NaN'])('durationOf(%j) is a mistake', (text) => {
    expect(() => durationOf('grace', text, { max: 86_400_000 })).toThrow(
      '--grace is a time such as 30s, 5m or 1h, from 0ms to 1d',
    )
  })

  test('numberOf() keeps its bounds', () => {
    expect(numberOf('limit', '7', { min: 1, max: 10 })).toBe(7)
    for (const text of ['0', '11', '1.5', '', 'x', ' ']) {
      expect(() => numberOf('limit', text, { min: 1, max: 10 })).toThrow(UsageError)
    }
  })
})

describe('satisfies()', () => {
  test.each([
    ['20.19.0', '>=20.19', true],
    ['20.18.9', '>=20.19', false],
    ['22.0.0', '>=20.19', true],
    ['2.1.0', '^2.1.0', true],
    ['2.9.4', '^2.1.0', true],
    ['3.0.0', '^2.1.0', false],
    ['0.5.29', '>=0.5.0 <0.6', true],
    ['0.6.0', '>=0.5.0 <0.6', false],
    ['0.4.9', '^0.4.2', true],
    ['0.5.0', '^0.4.2', false],
    ['1.5.6-r.1', '>=1.5.0-r.0', true],
    ['v24.1.0', '>=20.19', true],
  ])('%s in %s: %s', (version, range, expected) => expect(satisfies(version, range)).toBe(expected))

  test('knows every range of package.json', () => {
    const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      readonly engines: { readonly node: string }
      readonly peerDependencies: Readonly<Record<string, string>>
    }
    for (const range of [manifest.engines.node, ...Object.values(manifest.peerDependencies)]) {
      expect(() => satisfies('1.0.0', range)).not.toThrow()
    }
    expect(() => satisfies('1.0.0', '~1.0')).toThrow('no range that is known')
  })
})
