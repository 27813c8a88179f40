import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { rowTypes } from '../../src/transform/declared/row-types.js'
import { Transform } from '../../src/transform/transform.js'

const folder = await mkdtemp(join(tmpdir(), 'lakeloop-typescript-'))
afterAll(() => rm(folder, { recursive: true }))

async function opened(files: Readonly<Record<string, string>>): Promise<Transform> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return Transform.fromFile(join(folder, Object.keys(files)[0] as string))
}

const PROGRAM = `import type { Row, Transform } from './churn.row'
import { type Tier, tierOf } from './tiers'

interface Scored { readonly churn_risk_score: number | null }
const share = <T extends Scored>(row: T): number => (row.churn_risk_score ?? 0) as number

const transform: Transform = (row: Row, { skip }) => {
  if (row.email === null) return skip(row, 'no email')
  const tier: Tier = tierOf(share(row))
  return { email: row.email!, dataFields: { tier, score: row.churn_risk_score } satisfies Record<string, unknown> }
}
export default transform
`
const TIERS =
  "export type Tier = 'gold' | 'none'\nexport const tierOf = (share: number): Tier => (share > 0.5 ? 'gold' : 'none')\n"
const ROW = rowTypes({
  columns: [
    { name: 'email', type: 'string', nullable: true },
    { name: 'churn_risk_score', type: 'double', nullable: true },
  ],
})

describe('a transform in TypeScript', () => {
  test('runs as it is, with its files, beside the types of its rows', async () => {
    await using transform = await opened({ 'churn.transform.ts': PROGRAM, 'tiers.ts': TIERS, 'churn.row.d.ts': ROW })
    const { reads, readsAll } = await transform.prepare()
    expect([reads.map(({ column }) => column), readsAll]).toEqual([['churn_risk_score', 'email'], false])
    const { rows } = await transform.try([{ email: 'a@example.com', churn_risk_score: 0.8 }, { email: null }])
    expect(rows).toMatchObject([
      { actions: [{ identifiers: { email: 'a@example.com' }, dataFields: { tier: 'gold', score: 0.8 } }] },
      { status: 'filtered', reason: { code: 'TRANSFORM_SKIPPED', facts: { reason: 'no email' } } },
    ])
  })

  test('names the place in its own source, types and all', async () => {
    const source =
      'type T = {\n  a: string\n}\nexport default (row: { readonly a: T }): object => {\n  const a: T = row.a\n  return { email: (a as T).a.length }\n}\n'
    await using transform = await opened({ 'throws.ts': source })
    const { rows } = await transform.try([{ a: null }])
    expect(rows[0]).toMatchObject({ reason: { facts: { at: `${join(folder, 'throws.ts')}:6:28` } } })
  })

  test('a name that only types use need not be there; one that a value uses must', async () => {
    const files = { 'tiers.ts': TIERS }
    await using sound = await opened({
      'sound.ts':
        "import { Tier, tierOf } from './tiers'\nimport { Nothing } from './nothing'\nimport { type Other } from './other'\nimport { type Spark } from 'lakeloop'\nlet t: Tier | Nothing\nexport default () => tierOf(1)",
      ...files,
    })
    await sound.prepare()
    await using wrong = await opened({
      'wrong.ts': "import { Tier } from './tiers'\nexport default () => Tier",
      ...files,
    })
    await expect(wrong.prepare()).rejects.toThrow('wrong.ts:1:10: Tier is not defined')
  })

  test.each([
    ['enum E { A }\nexport default () => E', 'TRANSFORM_FORBIDDEN_SYNTAX: t.ts:1:1: `enum`'],
    [
      'class C { constructor(private a: string) {} }\nexport default () => C',
      'TRANSFORM_FORBIDDEN_SYNTAX: t.ts:1:23: a parameter property',
    ],
    ['export default (row: string => row', 'TRANSFORM_SYNTAX: t.ts:1:29'],
    [
      'export default (row: any) => rwo',
      'TRANSFORM_UNKNOWN_IDENTIFIER: t.ts:1:30: rwo is not defined. Correct the name: perhaps row.',
    ],
  ])('%s is refused where it stands', async (source, message) => {
    await using transform = Transform.fromText(source, { name: 't.ts' })
    await expect(transform.prepare()).rejects.toThrow(message)
  })

  test('text is TypeScript by its name alone', async () => {
    const source = 'export default (row: { email: string }) => ({ email: row.email })'
    await using typed = Transform.fromText(source, { name: 't.mts' })
    await typed.prepare()
    await using plain = Transform.fromText(source)
    await expect(plain.prepare()).rejects.toThrow('TRANSFORM_SYNTAX: transform:1:20')
  })
})
