// docs/packages.md, made from src/transform/packages/list.json, and the notices that go with it: `npm run packages`.
// test/docs/packages.test.ts fails where a page is stale.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Listed, listed } from './build-packages.js'
import { bundledWithPackages, withNotices } from './package-notices.js'

const PAGE = fileURLToPath(new URL('../docs/packages.md', import.meta.url))
const NOTICES = fileURLToPath(new URL('../THIRD_PARTY.md', import.meta.url))
const START = '<!-- the list: made by npm run packages -->'
const END = '<!-- end of the list -->'

const row = ({ name, version, licence, use, needs = [], note = '' }: Listed): string =>
  `| \`${name}\` | ${version} | ${licence} | ${use} | ${[needs.length > 0 ? `Has ${needs.join(', ')}.` : '', note].join(' ').trim()} |`

/** The page with the table of the list made anew. Throws where the page has no place for it. */
export function withTable(page: string, list: readonly Listed[]): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)]
  if (start < 0 || end < start) throw new Error('docs/packages.md has no place for the list')
  const head = `${list.length} packages.\n\n| Name | Version | Licence | For | Here |\n|---|---|---|---|---|`
  return `${page.slice(0, start)}${START}\n\n${[head, ...list.map(row)].join('\n')}\n\n${page.slice(end)}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const list = await listed()
  await writeFile(PAGE, withTable(await readFile(PAGE, 'utf8'), list))
  await writeFile(NOTICES, withNotices(await readFile(NOTICES, 'utf8'), await bundledWithPackages()))
}
