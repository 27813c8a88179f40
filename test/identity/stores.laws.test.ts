import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import { law } from './book.js'
import { samePeople, step } from './same-people.js'

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-same-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let file = 0

test('G5 [I5] a graph in SQLite is the one in memory, entry for entry, whatever is done to both', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 10 }), async (steps) => {
      file += 1
      const sqlite = new SqliteStore({ path: join(folder, `${file}.db`) })
      await samePeople([new MemoryStore(), sqlite], steps).finally(() => sqlite.close())
    }),
    { ...law, numRuns: Math.ceil(law.numRuns / 5), endOnFailure: true },
  )
})
