/**
 * A user's program. scripts/check-package.mjs compiles it twice against the packed tarball, as .mts and as .cts, and runs
 * both in a project that has nothing else installed.
 */

import { ERRORS, isLakeloopError, LakeloopError, MemoryStore } from 'lakeloop'
import { storeConformance } from 'lakeloop/testing'

const check = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(`does not hold: ${what}`)
  console.log(`ok: ${what}`)
}

async function main(): Promise<void> {
  check(isLakeloopError(new LakeloopError('ABORTED')) && 'ABORTED' in ERRORS, 'the error class and its table are there')

  for (const { run } of storeConformance) await run(async () => new MemoryStore())
  check(storeConformance.length > 0, 'MemoryStore passes the conformance suite')
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
