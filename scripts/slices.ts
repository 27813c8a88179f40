// Code in a page is a slice of an example that runs. A block that follows a mark such as
//
//     <!-- from examples/demo.ts#sync -->        the part between `// #region sync` and `// #endregion`
//     <!-- from examples/churn.transform.js -->  the whole file
//
// is filled by `npm run slices`; test/docs/readme.test.ts fails where it is stale.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MARKED = /^(<!-- from (examples\/[^\s#]+)(?:#(\S+))? -->\n+```\w*\n)([\s\S]*?)^```$/gm

/** A marked block of a page. */
export interface Slice {
  readonly file: string
  /** The whole file if undefined. */
  readonly region: string | undefined
  readonly text: string
}

export function slicesOf(page: string): Slice[] {
  return [...page.matchAll(MARKED)].map(([, , file = '', region, text = '']) => ({ file, region, text }))
}

/** Marks of a page; more of them than slices means that one stands before no block. */
export const marksOf = (page: string): number => page.match(/^<!-- from /gm)?.length ?? 0

/** What a block with this mark has to hold; undefined if the region has no end, or is not there exactly once. */
export function sliceOf(program: string, region: string | undefined): string | undefined {
  if (region === undefined) return program
  const lines = program.split('\n')
  const starts = lines.flatMap((line, i) => (line.trim() === `// #region ${region}` ? [i + 1] : []))
  const [start] = starts
  if (start === undefined || starts.length > 1) return undefined
  const length = lines.slice(start).findIndex((line) => line.trim() === '// #endregion')
  if (length < 0) return undefined
  const slice = lines.slice(start, start + length)
  const margin = Math.min(...slice.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)))
  return slice.map((line) => `${line.slice(margin)}\n`).join('')
}

/** The page with each marked block filled anew. Throws on a mark that points nowhere. */
export function filled(page: string, read: (file: string) => string): string {
  return page.replace(MARKED, (_, head: string, file: string, region: string | undefined) => {
    const slice = sliceOf(read(file), region)
    if (slice === undefined) throw new Error(`${file} has no region ${region}, or more than one`)
    return `${head}${slice}\`\`\``
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  for (const page of ['README.md', ...pages.map((name) => `docs/${name}`)]) {
    const before = readFileSync(join(root, page), 'utf8')
    const after = filled(before, (file) => readFileSync(join(root, file), 'utf8'))
    if (after !== before) writeFileSync(join(root, page), after)
    if (after !== before) console.log(`${page}: filled`)
  }
}
