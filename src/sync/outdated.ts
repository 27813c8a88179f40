import type { Op } from '../stores/store.js'
import type { RowFate } from '../transform/transform.js'
import { checkpointKey } from './checkpoint.js'
import type { RunContext } from './context.js'
import { orderOf } from './letter.js'
import { isAfter } from './order.js'
import type { PageWork } from './page.js'

const LOOKUP_MAX = 10_000

/** Ops that drop the dead letters of rows that became actions now, where these were read later: a row has one newest version. */
export async function outdatedLetters(
  work: PageWork,
  fates: readonly RowFate[],
  { leftBehind, scope, store }: RunContext,
): Promise<readonly Op[]> {
  if (!leftBehind.has('deadLetter')) return []
  const made = fates.flatMap(({ status }, row) => {
    const key = status === 'made' ? work.page.rows.key(row) : undefined
    return key === undefined ? [] : [{ row, key: [...checkpointKey(scope), key, 'row'] }]
  })
  const ops: Op[] = []
  for (let at = 0; at < made.length; at += LOOKUP_MAX) {
    const asked = made.slice(at, at + LOOKUP_MAX)
    const letters = await store.get(
      'deadLetter',
      asked.map(({ key }) => key),
    )
    asked.forEach(({ row, key }, nth) => {
      const value = letters[nth]
      if (value === undefined || !isAfter(work.rowOrder(row), orderOf({ key, value }))) return
      ops.push({ op: 'delete', table: 'deadLetter', key })
    })
  }
  return ops
}
