import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Column, Schema } from '../../src/model/row.js'
import { compareSchemas, type Reads } from '../../src/sync/drift.js'
import { type DriftPolicies, judged, verdict } from '../../src/sync/drift-policy.js'

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
    ['int', 'decimal(12,2)', 'typeWidened'],
    ['int', 'decimal(11,2)', 'typeChanged'], // too narrow for every int
    ['int', 'decimal(16,2)', 'typeChanged'], // numbers before, text now
    ['decimal(5,0)', 'int', 'typeChanged'],
    ['date', 'timestamp_ntz', 'typeChanged'], // its text is another
    ['decimal(8,2)', 'decimal(10,2)', 'typeWidened'],
    ['decimal(8,2)', 'decimal(8,4)', 'typeChanged'],
    ['decimal(13,2)', 'decimal(15,2)', 'typeWidened'],
    ['decimal(15,2)', 'decimal(16,2)', 'typeChanged'], // numbers before, text now
    ['decimal(16,2)', 'decimal(38,2)', 'typeWidened'],
    ['double', 'string', 'typeChanged'],
    ['struct<a:int>', 'struct<a:int,b:int>', 'nestedChanged'],
    ['map<int,string>', 'map<string,string>', 'nestedChanged'],
  ])('%s -> %s is %s', (before, after, kind) => {
    const changes = compareSchemas(schema(column('x', before)), schema(column('x', after)), reads('x'))
    expect(changes).toMatchObject([{ kind, breaks: kind !== 'typeWidened' }])
  })
})

describe('a column id', () => {
  const before = schema(column('score', 'double', { id: '1' }), column('old_score', 'double', { id: '2' }))

  test('tells that another column has taken over the name', () => {
    const after = schema(column('score', 'double', { id: '3' }), column('old_score', 'double', { id: '2' }))
    expect(compareSchemas(before, after, reads('score'))).toMatchObject([
      { kind: 'dropped', column: 'score', after: 'double', candidates: [], breaks: true },
    ])
  })

  test('tells two names that were swapped', () => {
    const after = schema(column('score', 'double', { id: '2' }), column('old_score', 'double', { id: '1' }))
    expect(compareSchemas(before, after, reads('score'))).toMatchObject([
      { kind: 'renamed', column: 'score', candidates: ['old_score'], after: 'double', breaks: true },
      { kind: 'renamed', column: 'old_score', candidates: ['score'], breaks: false },
    ])
  })
})

describe('verdict()', () => {
  const asked = (
    before: Schema,
    after: Schema,
    read: Reads,
    { policies = {}, edited = false }: { policies?: DriftPolicies; edited?: boolean } = {},
  ) => {
    const judging = { reads: read, policies, edited }
    return verdict(judged(compareSchemas(before, after, read), judging), after, judging)
  }
  const was = schema(column('user_id', 'string'), column('churn_risk_score'))

  test('names the column, what befell it, what it may be called now, and the line that reads it', () => {
    const after = schema(column('user_id', 'string'), column('churn_probability'))
    expect(asked(was, after, reads('user_id', 'churn_risk_score')).stop?.message).toBe(
      'SCHEMA_BREAKS_TRANSFORM: column churn_risk_score is missing, perhaps renamed to churn_probability; ' +
        'the transform reads it at churn.transform.js:3:5. ' +
        'Mend the transform or the query. Nothing was sent and the cursor has not moved.',
    )
  })

  test('a column that was never there is found in the first run', () => {
    const after = schema(column('user_id', 'string'))
    expect(asked(after, after, reads('user_ID')).stop?.facts).toMatchObject({ column: 'user_ID', change: 'missing' })
  })

  test.each([
    ['a slip of the finger', 'user_di', ', the nearest is user_id'],
    ['few letter pairs in common', 'emial', ', the nearest is email'],
    ['another case', 'TENURE', ', the nearest is tenure'],
    ['a longer name', 'churn_score', ', the nearest is churn_risk_score'],
    ['several, the most similar first', 'emails', ', the nearest is email or emails_sent'],
    ['nothing like it', 'zip', ''],
  ])(
    'gives the nearest names of a column that was never there, in the first run and later: %s',
    (_what, name, told) => {
      const names = ['emails_sent', 'user_id', 'email', 'tenure', 'churn_risk_score']
      const after = schema(...names.map((one) => column(one, 'string')))
      const judging = { reads: reads('user_id', name), policies: {}, edited: false }
      const first = verdict([], after, judging)
      expect(first.stop?.message).toContain(
        `column ${name} is missing${told}; the transform reads it at churn.transform.js:3:5`,
      )
      for (const edited of [false, true]) {
        const later = verdict(judged(compareSchemas(after, after, judging.reads), { ...judging, edited }), after, {
          ...judging,
          edited,
        })
        expect(later.stop?.message).toBe(first.stop?.message)
      }
    },
  )

  test('a column that the transform does not read may go, whatever the policy', () => {
    const after = schema(column('user_id', 'string'))
    expect(asked(was, after, reads('user_id'), { policies: { dropped: 'stop' } })).toEqual({})
  })

  test.each([
    ['added', schema(column('user_id', 'string'), column('churn_risk_score'), column('tenure', 'int')), 'is new'],
    [
      'typeWidened',
      schema(column('user_id', 'string'), column('churn_risk_score', 'float')),
      'is double and was float',
    ],
    ['nullability', schema(column('user_id', 'string'), column('churn_risk_score', 'double', { nullable: false })), ''],
  ] as const)('%s is reported, stops or parks as told', (kind, other, says) => {
    const [before, after] = kind === 'added' ? [was, other] : [other, was]
    const read = reads('churn_risk_score')
    expect(asked(before, after, read)).toEqual({})
    const { stop } = asked(before, after, read, { policies: { [kind]: 'stop' } })
    expect(stop?.code).toBe('SCHEMA_CHANGED')
    expect(stop?.message).toContain(says)
    expect(stop?.message).toContain(`drift.${kind} says stop`)
    const { park } = asked(before, after, read, { policies: { [kind]: 'park' } })
    expect(park).toMatchObject({ code: 'SCHEMA_PARKED', facts: { kind } })
    expect(asked(before, after, read, { policies: { [kind]: 'stop' }, edited: true })).toEqual({})
  })

  test.each(['dropped', 'typeChanged', 'nestedChanged', 'renamed'] as const)('%s may be let through', (kind) => {
    const [before, after] = {
      dropped: [was, schema(column('user_id', 'string'))],
      typeChanged: [was, schema(column('user_id', 'string'), column('churn_risk_score', 'string'))],
      nestedChanged: [
        schema(column('churn_risk_score', 'struct<a:int>')),
        schema(column('churn_risk_score', 'struct<b:int>')),
      ],
      renamed: [
        schema(column('churn_risk_score', 'double', { id: '1' })),
        schema(column('churn', 'double', { id: '1' })),
      ],
    }[kind] as [Schema, Schema]
    const read = reads('churn_risk_score')
    expect(asked(before, after, read).stop?.code).toBe('SCHEMA_BREAKS_TRANSFORM')
    const policies = { [kind]: 'report' } as DriftPolicies
    expect(asked(before, after, read, { policies })).toEqual({})
    expect(asked(before, after, read, { policies: { [kind]: 'park' } }).park?.facts).toMatchObject({ kind })
  })

  test('an edited transform knows of a changed type, and not of a column that is gone', () => {
    const typed = schema(column('user_id', 'string'), column('churn_risk_score', 'string'))
    expect(asked(was, typed, reads('churn_risk_score'), { edited: true })).toEqual({})
    const gone = schema(column('user_id', 'string'))
    expect(asked(was, gone, reads('churn_risk_score'), { edited: true }).stop?.code).toBe('SCHEMA_BREAKS_TRANSFORM')
  })

  test('what stops comes before what parks', () => {
    const after = schema(column('user_id', 'int'))
    const policies = { dropped: 'park', typeChanged: 'stop' } as const
    expect(asked(was, after, reads('user_id', 'churn_risk_score'), { policies })).toMatchObject({
      stop: { facts: { column: 'user_id' } },
    })
  })
})
