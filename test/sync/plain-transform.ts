import type { Action } from '../../src/model/action.js'
import { type ActionOrigin, actionBlock } from '../../src/model/action-block.js'
import type { Row } from '../../src/model/row.js'
import type { RowFate, Transform, Transformed } from '../../src/transform/transform.js'

/**
 * A transform in this process: a plain function, no wall. For tests of the run, which must not depend on the sandbox.
 * A function that throws rejects its row, as in the sandbox.
 */
export function plainTransform(make: (row: Row) => readonly Action[], reads: readonly string[] = []): Transform {
  const plain = {
    name: 'plain.js',
    version: async () => 'plain',
    prepare: async () => ({
      version: 'plain',
      form: 'default' as const,
      reads: reads.map((column, n) => ({ column, at: `plain.js:${n + 1}:1` })),
      readsAll: false,
    }),
    run: async (page: Parameters<Transform['run']>[0]): Promise<Transformed> => {
      const actions: Action[] = []
      const origins: ActionOrigin[] = []
      const rows: RowFate[] = []
      for (let row = 0; row < page.rows.length; row++) {
        const refused = page.rows.refused.get(row)
        try {
          const made = refused === undefined ? make(page.rows.at(row)) : []
          if (refused !== undefined) rows.push({ status: 'rejected', reason: refused })
          else if (made.length === 0)
            rows.push({ status: 'filtered', reason: { code: 'TRANSFORM_NO_ACTION', facts: {} } })
          else rows.push({ status: 'made', from: actions.length, count: made.length })
          for (const action of made) {
            actions.push(action)
            origins.push({ row, key: page.rows.key(row), changedAt: page.rows.changedAt(row) })
          }
        } catch {
          rows.push({
            status: 'rejected',
            reason: { code: 'TRANSFORM_THREW', facts: { at: 'plain.js:1:1', name: 'Error' } },
          })
        }
      }
      return { actions: actionBlock(actions, origins), rows, logs: [] }
    },
    close: async () => undefined,
  }
  return plain as unknown as Transform
}
