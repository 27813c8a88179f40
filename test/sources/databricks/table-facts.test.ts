import { describe, expect, test } from 'vitest'
import { tableName } from '../../../src/sources/databricks/sql-text.js'
import { commitsAfter } from '../../../src/sources/databricks/table-facts.js'
import type { SqlSession } from '../../../src/vendors/databricks/sql.js'

/** A table whose history reaches from `oldest` to `newest`, and to which `busy` commits come before each look at it. */
function history({ oldest = 0, newest = 7, busy = [] as number[] }) {
  let at = newest
  const session: SqlSession = {
    async rows(sql) {
      at += busy.shift() ?? 0
      const limit = Number(/LIMIT (\d+)$/.exec(sql)?.[1])
      const versions = Array.from({ length: at - oldest + 1 }, (_, nth) => at - nth).slice(0, limit)
      return versions.map((version) => ({
        version,
        timestamp: '2026-01-01',
        operation: 'WRITE',
        operationParameters: {},
      }))
    },
    query: async () => Promise.reject(new Error('not asked')),
    close: async () => undefined,
  }
  return { session, source: 's', signal: new AbortController().signal }
}

const read = async (asking: ReturnType<typeof history>, after = 3) =>
  (await commitsAfter(asking, tableName('a.b.c'), { after, latest: 7 })).map(({ version }) => version)

describe('commitsAfter()', () => {
  test('gives the commits of the range, oldest first', async () => {
    expect(await read(history({}))).toEqual([4, 5, 6, 7])
    expect(await read(history({}), 7)).toEqual([])
  })

  test('does not take a commit that came meanwhile for a log that has expired', async () => {
    expect(await read(history({ busy: [2] }))).toEqual([4, 5, 6, 7])
    expect(await read(history({ busy: [1, 3] }))).toEqual([4, 5, 6, 7])
  })

  test('says where the log does not reach back that far', async () => {
    await expect(read(history({ oldest: 5 }))).rejects.toMatchObject({ code: 'SOURCE_HISTORY_GONE' })
    await expect(read(history({ oldest: 5, busy: [2] }))).rejects.toMatchObject({ code: 'SOURCE_HISTORY_GONE' })
  })
})
