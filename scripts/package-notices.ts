// The part of THIRD_PARTY.md on the packages of the list (src/transform/packages/list.json) and all that is bundled with
// them, made from what is installed. `npm run packages` writes it; test/architecture/third-party.test.ts fails where it is stale.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundlePackage, listed } from './build-packages.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MARK = '<!-- made by npm run packages: what stands below is not edited by hand -->'

/** Where the words of a licence begin, after its title and the names of its holders. */
const BEGINNINGS =
  /^(Permission is hereby granted|Permission to use, copy|Redistribution and use in source|This is free and unencumbered)/m

interface Bundled {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly holders: readonly string[]
  /** The words of the licence; undefined for the Apache License, whose text stands in LICENSE. */
  readonly words: string | undefined
}

/** What is bundled, by the bundler's own account. */
export async function bundledWithPackages(): Promise<readonly Bundled[]> {
  const folders = new Set<string>()
  for (const entry of await listed()) {
    for (const file of (await bundlePackage(entry)).inputs) {
      folders.add(/.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? file)
    }
  }
  return [...folders].map(readBundled).sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1))
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly author?: string | { readonly name: string }
}

/** For a package whose licence names nobody. */
const byWhom = ({ name, author }: Manifest): string =>
  `By ${typeof author === 'string' ? author : (author?.name ?? `the authors of ${name}`)}`

function readBundled(folder: string): Bundled {
  const read = (file: string): string => readFileSync(join(ROOT, folder, file), 'utf8').replaceAll('\r\n', '\n')
  const manifest = JSON.parse(read('package.json')) as Manifest
  const { name, version, license } = manifest
  const file = readdirSync(join(ROOT, folder)).find((entry) => /^licen[cs]e(-MIT)?(\.(md|mkd|txt))?$/i.test(entry))
  const text = file === undefined ? '' : read(file)
  const start = BEGINNINGS.exec(text)?.index ?? text.length
  const end = text.slice(start).search(/^(=|----)/m) // what follows is on parts that are not bundled
  const words = text.slice(start, end < 0 ? undefined : start + end).trim()
  const head = text.slice(0, start).split('\n')
  const first = head.findIndex((line) => /copyright|©/i.test(line))
  const isApache = license === 'Apache-2.0' // its text speaks of copyright throughout
  const said = isApache ? head.filter((line) => /^Copyright \d{4}/.test(line)) : first < 0 ? [] : head.slice(first)
  const holders =
    said.length > 0
      ? said.filter((line) => /\w/.test(line)).map((line) => line.replace(/^[#\s*]+|[`*]|\s*\\?$/g, ''))
      : [byWhom(manifest)]
  return { name, version, licence: license, holders, words: isApache ? undefined : words }
}

const WITHOUT_FILE = 'It says so in its package.json and brings no text; the usual one is:'

/** The same words, but for the way they are broken into lines and quoted. */
const alike = (words: string): string =>
  words
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim()

/** The page with its made part made anew; a package that the part by hand has is left to that. */
export function withNotices(page: string, bundled: readonly Bundled[]): string {
  const [before = ''] = page.split(MARK)
  const hand = before.trimEnd()
  const rest = bundled.filter(({ name, version }) => !hand.includes(`\n## ${name} ${version}\n`))
  const usual = usualWords(rest)
  const texts = new Map<string, string>()
  const sections = rest.map((entry) => {
    const words = entry.words === '' ? usual : entry.words
    const where = words === undefined ? 'The text stands in `LICENSE` beside this file.' : linkTo(words, entry, texts)
    const note = entry.words === '' ? `${WITHOUT_FILE} ` : ''
    return `## ${entry.name} ${entry.version}\n\n${entry.licence}. ${note}${where}\n\n${fenced(entry.holders.join('\n'))}`
  })
  const ends = [...texts].map(([title, words]) => `### ${title}\n\n${fenced(words)}`)
  return [hand, MARK, ...sections, ...ends, ''].join('\n\n').replace(/\n+$/, '\n')
}

/** Those of most packages under the MIT licence. */
const usualWords = (all: readonly Bundled[]): string =>
  all.find(({ licence, words }) => licence === 'MIT' && words !== undefined && words.length > 900)?.words ?? ''

/** Each wording stands once, below. */
function linkTo(words: string, { licence }: Bundled, texts: Map<string, string>): string {
  const found = [...texts].find(([, text]) => alike(text) === alike(words))?.[0]
  const count = [...texts.keys()].filter((title) => title.startsWith(`Text of ${licence},`)).length
  const title = found ?? `Text of ${licence}, ${count + 1}`
  texts.set(title, texts.get(title) ?? words)
  return `[${title}](#${anchorOf(title)}), and:`
}

/** As it stands in a link to a heading. */
export const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-')

/** A heading in a licence is none of the page. */
const fenced = (text: string): string => `\`\`\`text\n${text.replaceAll('```', "'''").replace(/^#/gm, ' #')}\n\`\`\``
