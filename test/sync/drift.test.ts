import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Column, Schema } from '../../src/model/row.js'
import { breaking, compareSchemas, type Reads } from '../../src/sync/drift.js'

const column = (name: string, type = 'double', more: Partial<Column> = {}): Column => ({
  name,
  type,
  nullable: true,
  ...more,
})
const schema = (...columns: Column[]): Schema => ({ columns })
const reads = (...names: string[]): Reads => ({
  reads: names.map((name, n) => ({ column: name, at: `churn.transform.js:${n + 2}:5` })),
  readsAll: false,
})

describe('compareSchemas()', () => {
  test('finds nothing between a schema and itself', () => {
    const any = fc
      .uniqueArray(fc.string({ minLength: 1 }), { maxLength: 8 })
      .map((names) => schema(...names.map((n) => column(n))))
    fc.assert(
      fc.property(any, (same) => {
        expect(compareSchemas(same, same, reads())).toEqual([])
      }),
    )
  })

  test('a column id proves a rename', () => {
    const changes = compareSchemas(
      schema(column('churn_risk_score', 'double', { id: '7' })),
      schema(column('churn_probability', 'double', { id: '7' })),
      reads('churn_risk_score'),
    )
    expect(changes).toEqual([
      { kind: 'renamed', column: 'churn_risk_score', candidates: ['churn_probability'], breaks: true },
    ])
  })

  test('without an id, new columns of the same type are candidates, the most similar name first', () => {
    const changes = compareSchemas(
      schema(column('user_id', 'string'), column('churn_risk_score')),
      schema(column('user_id', 'string'), column('tenure'), column('churn_probability'), column('segment', 'string')),
      reads('churn_risk_score'),
    )
    expect(changes[0]).toMatchObject({ kind: 'dropped', candidates: ['churn_probability', 'tenure'], breaks: true })
    expect(changes.slice(1).map(({ kind, column: name }) => [kind, name])).toEqual([
      ['added', 'tenure'],
      ['added', 'churn_probability'],
      ['added', 'segment'],
    ])
  })

  test.each([
    ['int', 'bigint', 'typeWidened'],
    ['decimal(8,2)', 'decimal(10,2)', 'typeWidened'],
    ['decimal(8,2)', 'decimal(8,4)', 'typeChanged'],
    ['double', 'string', 'typeChanged'],
    ['struct<a:int>', 'struct<a:int,b:int>', 'nestedChanged'],
  ])('%s -> %s is %s', (before, after, kind) => {
    const changes = compareSchemas(schema(column('x', before)), schema(column('x', after)), reads('x'))
    expect(changes).toMatchObject([{ kind, breaks: kind !== 'typeWidened' }])
  })
})

describe('breaking()', () => {
  test('names the column, what befell it, what it may be called now, and the line that reads it', () => {
    const after = schema(column('user_id', 'string'), column('churn_probability'))
    const read = reads('user_id', 'churn_risk_score')
    const changes = compareSchemas(schema(column('user_id', 'string'), column('churn_risk_score')), after, read)
    expect(breaking(changes, after, read)?.message).toBe(
      'SCHEMA_BREAKS_TRANSFORM: column churn_risk_score is missing, perhaps renamed to churn_probability; ' +
        'the transform reads it at churn.transform.js:3:5. ' +
        'Mend the transform or the query. Nothing was sent and the cursor has not moved.',
    )
  })

  test('a column that was never there is found in the first run', () => {
    const after = schema(column('user_id', 'string'))
    expect(breaking([], after, reads('user_ID'))?.facts).toMatchObject({ column: 'user_ID', change: 'missing' })
  })

  test('a column that the transform does not read may go', () => {
    const after = schema(column('user_id', 'string'))
    const changes = compareSchemas(schema(column('user_id', 'string'), column('spare')), after, reads('user_id'))
    expect(changes).toMatchObject([{ kind: 'dropped', column: 'spare', breaks: false }])
    expect(breaking(changes, after, reads('user_id'))).toBeUndefined()
  })
})
