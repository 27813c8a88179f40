import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'
import { nearest } from '../../model/nearest.js'
import { TABLE } from './table.generated.js'

/** A package as the sandbox takes it. */
export interface PackageSource {
  readonly slug: string
  readonly version: string
  /** Text that SES takes: an expression that gives the exports when the child evaluates it. */
  readonly source: string
}

/** The names of the list. */
export const packageNames: readonly string[] = Object.keys(TABLE)

const NEAR_MAX = 3
/** Of a name of npm. A program may ask for anything. */
const NAME_CHARS_MAX = 214
const decompressed = promisify(brotliDecompress)

/** A package of the list (list.json), loaded when it is asked for; undefined if it is not on it. */
export async function packageSource(slug: string): Promise<PackageSource | undefined> {
  const row = Object.hasOwn(TABLE, slug) ? TABLE[slug] : undefined
  if (row === undefined) return undefined
  const { PACKED } = await row.load()
  const source = (await decompressed(Buffer.from(PACKED, 'base64'))).toString()
  return { slug, version: row.version, source }
}

/** Names of the list that may be meant, best first, at most three: the package of a path in it, likely slips, parts. */
export function nearPackages(name: string): readonly string[] {
  if (name.length > NAME_CHARS_MAX) return []
  const all = Object.keys(TABLE)
  const lower = name.toLowerCase()
  const near = all.filter((one) => lower === one || lower.startsWith(`${one}/`))
  const rest = new Set(all.filter((one) => !near.includes(one)))
  for (let next = nearest(lower, rest); next !== undefined; next = nearest(lower, rest)) {
    near.push(next)
    rest.delete(next)
  }
  const isPart = (one: string): boolean =>
    one.length > 2 && lower.length > 2 && (one.includes(lower) || lower.includes(one))
  return [...near, ...[...rest].filter(isPart)].slice(0, NEAR_MAX)
}
