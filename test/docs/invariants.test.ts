import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** Number -> the text of its section. */
const sections = new Map(
  read('docs/invariants.md')
    .split(/^## /m)
    .slice(1)
    .map((section) => [/^I\d+/.exec(section)?.[0] ?? section, section]),
)

const filesIn = (folder: string, suffix: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith(suffix))

/** The marks in the text of a program's strings: what a test is called, not what a comment says about it. */
function marksIn(path: string): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      found.push(...[...node.text.matchAll(/\[(I\d+)\]/g)].map(([, mark]) => mark ?? ''))
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true))
  return found
}

/** Test file, or conformance suite whose cases are tests by name -> the numbers it cites. */
const citing = new Map(
  [...filesIn('test', '.test.ts'), ...filesIn('src/testing', '.ts')].map((path) => [path, new Set(marksIn(path))]),
)
const cited = new Set([...citing.values()].flatMap((marks) => [...marks]))

/** The paths that a labelled line of a section names. */
const pathsAfter = (label: string, section: string): string[] => {
  const line = section.split('\n\n').find((paragraph) => paragraph.startsWith(`${label}: `))
  return [...(line ?? '').matchAll(/`([^`]+)`/g)].map(([, path]) => path ?? '')
}

test('docs/invariants.md has I1 to I12, in order', () => {
  expect([...sections.keys()]).toEqual(Array.from({ length: 12 }, (_, i) => `I${i + 1}`))
})

test('no test cites an invariant that the page does not have', () => {
  expect([...cited].filter((mark) => !sections.has(mark))).toEqual([])
})

describe.each([...sections])('%s', (mark, section) => {
  test('is shown by the tests that the page names, in the name of at least one test each', () => {
    const shown = pathsAfter('Shown by', section)
    expect(shown).not.toEqual([])
    expect(shown.filter((path) => !citing.get(path)?.has(mark))).toEqual([])
  })

  test('is cited at the places that uphold it', () => {
    const upheld = pathsAfter('Upheld in', section)
    expect(upheld).not.toEqual([])
    expect(upheld.filter((path) => !new RegExp(`\\b${mark}\\b`).test(read(path)))).toEqual([])
  })
})
