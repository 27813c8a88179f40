import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { filled, marksOf, sliceOf, slicesOf } from '../../scripts/slices.js'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((path) => `docs/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.md')),
]

test('README.md names the two commands that a newcomer needs', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const name of ['demo', 'test']) {
    expect(read('README.md')).toMatch(new RegExp(`^npm ci && npm (run )?${name}\\b`, 'm'))
    expect(Object.keys(scripts)).toContain(name)
  }
})

test('README.md shows code of an example that runs', () => {
  expect(slicesOf(read('README.md')).length).toBeGreaterThan(0)
})

describe.each(pages)('%s', (page) => {
  const text = read(page)

  test('shows each marked block as it stands in the example', () => {
    const slices = slicesOf(text)
    expect(slices).toHaveLength(marksOf(text))
    for (const { file, region, text: shown } of slices) {
      expect(existsSync(join(ROOT, file)), `${file} is there`).toBe(true)
      expect(shown).toBe(sliceOf(read(file), region))
    }
  })

  test('has no marks that a merge left behind', () => {
    expect(text).not.toMatch(/^(?:<{7} |={7}$|>{7} )/m)
  })

  test('links to files that are there', () => {
    const prose = text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')
    const links = [...prose.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map(([, to]) => to ?? '')
    const local = links.filter((to) => !/^[a-z]+:/.test(to))
    expect(local.filter((to) => !existsSync(join(ROOT, page, '..', to)))).toEqual([])
  })
})

test('docs/README.md names every page of docs/', () => {
  const index = read('docs/README.md')
  const own = pages.filter((page) => /^docs\/[^/]+\.md$/.test(page) && page !== 'docs/README.md')
  expect(own.filter((page) => !index.includes(`](${page.slice('docs/'.length)})`))).toEqual([])
})

describe('a slice', () => {
  const program = 'a()\n  // #region one\n  if (b) {\n\n    c()\n  }\n  // #endregion\nd()\n'
  const stale = 'x\n\n<!-- from examples/x.ts#one -->\n\n```ts\n```\n\ny\n'
  const fresh = 'x\n\n<!-- from examples/x.ts#one -->\n\n```ts\nif (b) {\n\n  c()\n}\n```\n\ny\n'

  test('is the region at the left margin, or the whole file', () => {
    expect(sliceOf(program, 'one')).toBe('if (b) {\n\n  c()\n}\n')
    expect(sliceOf(program, undefined)).toBe(program)
  })

  test('is not there if the region has no end, another name, or stands twice', () => {
    expect(sliceOf(program.replace('  // #endregion\n', ''), 'one')).toBeUndefined()
    expect(sliceOf(program, 'two')).toBeUndefined()
    expect(sliceOf(program + program, 'one')).toBeUndefined()
  })

  test('is found in a page with its file and its region, and a mark before no block is seen', () => {
    expect(slicesOf(fresh)).toEqual([{ file: 'examples/x.ts', region: 'one', text: 'if (b) {\n\n  c()\n}\n' }])
    expect(marksOf(`${fresh}<!-- from examples/y.ts#two -->\nno block`)).toBe(2)
  })

  test('is filled in where it is stale', () => {
    expect(filled(stale, () => program)).toBe(fresh)
    expect(filled(fresh, () => program)).toBe(fresh)
    expect(() => filled(stale, () => 'no region')).toThrow('examples/x.ts has no region one')
  })
})
