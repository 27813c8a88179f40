import { LakeloopError } from '../errors.js'
import { ownPackage } from './packages/own-package.js'
import { nearPackages, packageSource } from './packages/packages.js'
import type { Program } from './program-files.js'
import type { Needs } from './protocol.js'

/**
 * The program with the packages that it turned out to import: the user's own by that name, else those of the list.
 *
 * Throws  TRANSFORM_PACKAGE_UNKNOWN, and what `ownPackage` throws.
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
    if (found === undefined) {
      const near = nearPackages(slug)
      const nearest = near.length === 0 ? '' : ` (perhaps ${near.join(', ')})`
      throw new LakeloopError('TRANSFORM_PACKAGE_UNKNOWN', { at, name: slug, nearest })
    }
    packages.set(slug, { slug, source: found.source })
  }
  return { ...program, packages: [...packages.values()] }
}
