import { isBuiltin } from 'node:module'
import { LakeloopError } from '../errors.js'
import { ownPackage } from './packages/own-package.js'
import { nearPackages, packageSource } from './packages/packages.js'
import type { Program } from './program-files.js'
import type { Needs } from './protocol.js'

/** What to use in the place of a module of Node, by its name without `node:` and without a path into it. */
const INSTEAD: Readonly<Record<string, string>> = {
  assert: 'Throw an Error: the row is rejected',
  buffer: 'Import js-base64 for Base64',
  crypto: 'Import js-sha256 or md5 for hashes, uuid or nanoid for ids',
  events: 'Call functions of your own',
  path: 'Split the text at its slashes',
  querystring: 'Import qs or query-string',
  url: 'Import tldts for hosts, query-string for what stands behind a question mark',
  util: 'Import lodash, or ms for durations',
}
const ELSE = 'A transform gets rows and returns actions, without files, network or processes: leave that to the host'

const insteadOf = (slug: string): string => INSTEAD[slug.replace(/^node:/, '').replace(/\/.*/, '')] ?? ELSE

/**
 * The program with the packages that it turned out to import: the user's own by that name, else those of the list.
 *
 * Throws  TRANSFORM_PACKAGE_UNKNOWN; TRANSFORM_ABSENT for a module of Node; and what `ownPackage` throws.
 */
export async function withPackages(
  program: Program,
  needs: Needs['packages'],
  own: Readonly<Record<string, string>>,
): Promise<Program> {
  const packages = new Map(program.packages.map((one) => [one.slug, one]))
  for (const { slug, at } of needs) {
    const path = Object.hasOwn(own, slug) ? own[slug] : undefined
    const found = path === undefined ? await packageSource(slug) : await ownPackage(slug, path)
    if (found === undefined && isBuiltin(slug)) {
      throw new LakeloopError('TRANSFORM_ABSENT', { at, name: `the module ${slug} of Node`, instead: insteadOf(slug) })
    }
    if (found === undefined) {
      const near = nearPackages(slug)
      const nearest = near.length === 0 ? '' : ` (perhaps ${near.join(', ')})`
      throw new LakeloopError('TRANSFORM_PACKAGE_UNKNOWN', { at, name: slug, nearest })
    }
    packages.set(slug, { slug, source: found.source })
  }
  return { ...program, packages: [...packages.values()] }
}
