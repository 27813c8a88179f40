import { expect, test } from 'vitest'
import { isLakeloopError } from '../../src/errors.js'
import type { Cursor } from '../../src/model/row.js'
import type { DatabricksSource } from '../../src/sources/databricks/databricks-source.js'
import type { Page } from '../../src/sources/source.js'
import { type Answer, type Refusal, type Statements, textAnswer } from '../fakes/warehouse/answer.js'
import { holding, KINDS, people, rowsOf, stand } from './warehouse-stand.js'

const GONE: Refusal = { text: '[DELTA_VERSION_NOT_FOUND] Cannot time travel to version 7.', sqlState: '22003' }

/** A table at version 7, and at version 9 from `move()` on, which version 7 cannot be read any more from then. */
function table(rows: number) {
  const held = holding({ rows: people(rows) })
  let isMoved = false
  const statements: Statements = (sql, parameters): Answer | Refusal | undefined => {
    if (isMoved && sql.includes('VERSION AS OF 7')) return GONE
    if (isMoved && sql.startsWith('DESCRIBE HISTORY')) {
      return textAnswer(
        ['version', 'operation'],
        [
          ['9', 'WRITE'],
          ['8', 'WRITE'],
        ],
      )
    }
    return held(sql.replace(/ VERSION AS OF 9(?! ORDER)/, ' VERSION AS OF 9 ORDER BY `id`'), parameters)
  }
  return { statements, move: () => (isMoved = true) }
}

async function read(source: DatabricksSource, { after, pages = Infinity }: { after?: Cursor; pages?: number } = {}) {
  const found: Page[] = []
  const signal = new AbortController().signal
  for await (const page of source.read({ pageSize: 3, signal, ...(after ? { after } : {}) })) {
    found.push(page)
    if (found.length === pages) break
  }
  return { cursor: found.at(-1)?.cursor as Cursor, rows: found.flatMap((page) => rowsOf(page).map(({ n }) => n)) }
}

test('a version that went between two runs is a full read where that is allowed, and not for ever an error [I3]', async () => {
  const { statements, move } = table(10)
  const { source } = await stand({ statements }, { ...KINDS['a table'], changes: 'snapshot' })
  const { cursor } = await read(source, { pages: 1 })
  move()
  await expect(read(source, { after: cursor })).rejects.toSatisfy((error) =>
    isLakeloopError(error, 'SOURCE_HISTORY_GONE'),
  )

  const allowed = { ...KINDS['a table'], changes: 'snapshot', onHistoryGone: 'resync' } as const
  const { source: other, events } = await stand({ statements }, allowed)
  expect((await read(other, { after: cursor })).rows).toEqual(people(10).map(([, n]) => n))
  expect(events).toContainEqual({ kind: 'resync', why: 'the version is not in the history' })
})

test('a full read without an order begins again with what is there now, and not with a version that went [I3]', async () => {
  const { statements, move } = table(10)
  const { source } = await stand({ statements }, { ...KINDS['a table'], key: undefined, changes: 'snapshot' })
  const begun = { mode: 'snapshot', table: 'table-1', by: [], now: { to: { version: 7 }, whole: true }, page: 1 }
  move()
  expect((await read(source, { after: begun })).rows).toEqual(people(10).map(([, n]) => n))
})
