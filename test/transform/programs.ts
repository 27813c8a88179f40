import type { Action } from '../../src/model/action.js'
import { actionAt } from '../../src/model/action-block.js'
import { type RowBlockOptions, rowBlock } from '../../src/model/row.js'
import type { JsonObject } from '../../src/model/value.js'
import { type RunContext, Transform, type Transformed, type TransformOptions } from '../../src/transform/transform.js'

/** The transform of the design, word for word, with columns of the churn use case. */
export const SEND = `async function send(payload, headers) {
  return payload.events.map(row => ({ email: row.email, userId: row.user_id, dataFields: { churn_risk_score: row.churn_risk_score, account_tier: row.account_tier } }))
}
`

export const DEFAULT = `export default (row, { spark, now, skip }) => [
  { kind: 'profile', identifiers: { customer_id: row.user_id }, dataFields: { churn_risk_score: row.churn_risk_score } },
  { kind: 'membership', list: 'at-risk', identifiers: { customer_id: row.user_id }, member: row.churn_risk_score > 0.7 },
]
`

export interface Run extends TransformOptions, RowBlockOptions {
  readonly context?: RunContext
}

/** One program over some rows, in a process of its own that is gone afterwards. */
export async function runProgram(source: string, rows: readonly JsonObject[], run: Run = {}): Promise<Transformed> {
  const { context, key, changedAt, refused, ...options } = run
  const transform = Transform.fromText(source, { name: 'churn.js', ...options })
  try {
    return await transform.run({ rows: rowBlock(rows, { key, changedAt, refused }) }, { now: 0, ...context })
  } finally {
    await transform.close()
  }
}

export const actionsOf = ({ actions }: Transformed): Action[] =>
  Array.from({ length: actions.length }, (_, index) => actionAt(actions, index))

/** What became of each row: how many actions, or the code of why there are none. */
export const fatesOf = ({ rows }: Transformed): (number | string)[] =>
  rows.map((fate) => (fate.status === 'made' ? fate.count : fate.reason.code))
