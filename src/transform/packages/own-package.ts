import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { LakeloopError } from '../../errors.js'
import { censorSafe, NotSafe } from './censor-safe.js'
import type { PackageSource } from './packages.js'

const BYTES_MAX = 4 * 2 ** 20
/** Names as npm has them, up to 214 characters: they stand in the text that is evaluated. */
const SLUG = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/

/**
 * A package of the user's own, for one transform.
 *
 * Shape   a file of UTF-8 up to 4 MiB: a CommonJS script that puts what it offers on `module.exports` and requires
 *         nothing, as bundlers write it (`esbuild --bundle --format=cjs --platform=browser`). It runs in strict mode.
 * Throws  OPTION_INVALID, TRANSFORM_PACKAGE_UNREADABLE, TRANSFORM_PACKAGE_INVALID. Nothing of the file runs here.
 */
export async function ownPackage(slug: string, path: string): Promise<PackageSource> {
  if (slug.length > 214 || !SLUG.test(slug)) {
    throw new LakeloopError('OPTION_INVALID', {
      part: 'Transform',
      option: 'packages',
      problem: 'has a name that is no name of a package',
    })
  }
  const refused = (problem: string): LakeloopError =>
    new LakeloopError('TRANSFORM_PACKAGE_INVALID', { slug, file: path, problem })
  const bytes = await readUpTo(path, BYTES_MAX + 1).catch((error: unknown) => {
    throw new LakeloopError('TRANSFORM_PACKAGE_UNREADABLE', { slug, file: path }, error)
  })
  if (bytes.length > BYTES_MAX) throw refused('is larger than 4 MiB')
  const script = textOf(bytes)
  if (script === undefined) throw refused('is not UTF-8')
  const version = createHash('sha256').update(bytes).digest('hex')
  try {
    return { slug, version, source: wrapped(censorSafe(script)) }
  } catch (error) {
    if (error instanceof NotSafe) throw refused(error.message)
    throw error
  }
}

/** The line that `censorSafe` counts from is the first of the file; the same wrapping stands around every text it takes. */
const wrapped = (script: string): string =>
  `/*bytes code*/(()=>{const module={exports:{}};(function(module,exports,require){'use strict';${script}
}).call(module.exports,module,module.exports,(name)=>{throw new TypeError("a bundle requires nothing: "+name)});return{kind:"interop",exports:module.exports}})()`

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The first `size` bytes: a file may be endless. */
async function readUpTo(path: string, size: number): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const into = Buffer.alloc(size)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(into, length, size - length)
      length += bytesRead
      if (bytesRead === 0 || length === size) return into.subarray(0, length)
    }
  } finally {
    await file.close()
  }
}
