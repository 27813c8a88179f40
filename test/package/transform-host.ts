/**
 * A user's host of a transform. scripts/check-package.mjs runs it against the packed tarball in each way in which a program
 * may be run or bundled; where that is a test runner, it is a test.
 */

import { rowBlock, Transform, type TransformOptions } from 'lakeloop'

const SOURCE = 'export default async (row) => ({ email: row.email, dataFields: { twice: row.n * 2, at: new Date() } })'
const MADE = '{"twice":42,"at":"1970-01-01T00:00:00.000Z"}'

async function runs(isolation: NonNullable<TransformOptions['isolation']>): Promise<void> {
  const transform = Transform.fromText(SOURCE, { isolation })
  try {
    const rows = rowBlock([{ email: 'ada@example.com', n: 21 }])
    const { actions } = await transform.run({ rows }, { now: 0 })
    const made = new TextDecoder().decode(actions.payload(0))
    if (made !== MADE) throw new Error(`isolation ${isolation}: ${made}`)
  } finally {
    await transform.close()
  }
  if ('lockdown' in globalThis || 'Compartment' in globalThis) throw new Error('ses ran in the host')
}

async function main(): Promise<void> {
  for (const isolation of ['process', 'thread', 'none'] as const) await runs(isolation)
}

const { test } = globalThis as { test?: (name: string, run: () => Promise<void>) => void }
if (test !== undefined) test('a transform runs in every isolation', main)
else {
  main().then(
    () => console.log('ran'),
    (error: unknown) => {
      console.error(error)
      process.exitCode = 1
    },
  )
}
