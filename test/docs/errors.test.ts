import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERRORS, type ErrorCode, explain } from '../../src/errors.js'

const page = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8')

/** Code -> the text of its section. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')).trim(), section.slice(section.indexOf('\n')).trim()]),
)
const codes = Object.keys(ERRORS) as ErrorCode[]

/** The words of the table, with anything where a fact goes. */
function pattern(code: ErrorCode): RegExp {
  const { says, fix } = ERRORS[code]
  const words = (text: string): string =>
    text
      .split(/\{\w+\}/)
      .map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')
  return new RegExp(`^${code}: ${words(says)}\\. ${words(fix)}$`)
}

test('docs/errors.md has a section for each code of the table, and for no other', () => {
  expect([...sections.keys()].sort()).toEqual([...codes].sort())
  expect(page.match(/^## /gm)).toHaveLength(codes.length)
})

describe('docs/errors.md says of', () => {
  test.each(codes)('%s its remedy, its message and what to do', (code) => {
    const [meaning = '', quoted = '', advice = ''] = (sections.get(code) ?? '').split('\n\n')
    expect(meaning).toMatch(new RegExp(`^Remedy: \`${ERRORS[code].remedy}\`\\. \\S`))
    expect(quoted).toMatch(/^> /)
    const message = quoted.replace(/^> ?/gm, '').replaceAll('\n', ' ')
    expect(message).toMatch(pattern(code))
    expect(message).not.toMatch(/ {2}|undefined|\{\w+\}|\[object/)
    expect(advice).toMatch(/^\S.*\.$/s)
  })
})

test('explain() leaves no placeholder and no word of the table out', () => {
  for (const code of codes) expect(`${code}: ${explain(code)}`).toMatch(pattern(code))
})
