import { describe, expect, test } from 'vitest'
import type { Row } from '../../src/model/row.js'
import type { SyncOptions } from '../../src/sync/options.js'
import { plainTransform } from './plain-transform.js'
import { World } from './world.js'

const person = (n: number, isAtRisk: boolean | null = true): Row => ({
  id: `c-${n}`,
  email: `p${n}@example.com`,
  score: n,
  at_risk: isAtRisk,
})

/** A program that says nothing of lists. */
const profileOnly = plainTransform(
  ({ id, email, score }) => [
    {
      kind: 'profile',
      identifiers: { customer_id: String(id), ...(typeof email === 'string' ? { email } : {}) },
      dataFields: { score: score ?? null },
    },
  ],
  ['id', 'email', 'score'],
)

function audienceOf(world: World) {
  const sync = (rows: readonly Row[], more: Partial<SyncOptions> & { complete?: boolean } = {}) =>
    world.sync(rows, { transform: profileOnly, audience: { list: 'at-risk', where: 'at_risk' }, ...more })
  const members = () => [...world.destination.members('at-risk')].sort()
  return { sync, members }
}

describe('audience', () => {
  test('rows for which the column holds are the members, by no code; NULL does not hold', async () => {
    const { sync, members } = audienceOf(new World())
    const report = await sync([person(1), person(2, false), person(3, null), person(4)]).run()
    expect(report).toMatchObject({ status: 'complete', rows: { read: 4, accepted: 4 }, lists: [{ add: 2 }] })
    expect(members()).toEqual(['p1@example.com', 'p4@example.com'])
    await sync([person(1, false), person(2), person(3)]).run()
    expect(members()).toEqual(['p2@example.com', 'p3@example.com'])
  })

  test('without a column everybody whom the source has is a member', async () => {
    const { sync, members } = audienceOf(new World())
    const audience = { list: 'at-risk' }
    await sync([person(1), person(2, false)], { audience }).run()
    expect(members()).toEqual(['p1@example.com', 'p2@example.com'])
    await sync([person(2, false)], { audience }).run()
    expect(members()).toEqual(['p2@example.com'])
  })

  test('a row that the program refuses keeps its place, one that it leaves out does not [I5]', async () => {
    const { sync, members } = audienceOf(new World())
    await sync([1, 2, 3].map((n) => person(n))).run()
    const transform = plainTransform((row) => {
      if (row.id === 'c-1') throw new Error('no')
      return row.id === 'c-2' ? [] : [{ kind: 'profile', identifiers: { customer_id: String(row.id) } }]
    })
    const report = await sync(
      [1, 2, 3].map((n) => person(n)),
      { transform },
    ).run()
    expect(report.rows).toMatchObject({ rejected: 1, filtered: 1 })
    expect(members()).toEqual(['p1@example.com', 'p3@example.com'])
  })

  test('is part of what a plan is held to', async () => {
    const world = new World()
    const { sync, members } = audienceOf(world)
    const plan = await sync([person(1), person(2)]).plan()
    expect(plan.lists).toMatchObject([{ list: 'at-risk', add: 2, remove: 0 }])
    expect(members()).toEqual([])
    const other = await sync([person(1), person(2)], { audience: { list: 'at-risk' } }).run({ plan })
    expect(other.error?.message).toMatch(/^PLAN_STALE: .*transform/)
    expect((await sync([person(1), person(2)]).run({ plan })).status).toBe('complete')
    expect(members()).toHaveLength(2)
  })

  test('a column that leaves stops the run before the first row, as one that the program reads', async () => {
    const { sync, members } = audienceOf(new World())
    await sync([person(1)]).run()
    const report = await sync([{ id: 'c-2', email: 'p2@example.com', score: 1, is_at_risk: true }]).run()
    expect(report.error?.message).toMatch(/column at_risk is missing.*is_at_risk.*reads it at audience\.where/)
    expect(members()).toEqual(['p1@example.com'])
  })
})

describe('audience, when it cannot be', () => {
  const problem = async (rows: readonly Row[], more: Parameters<ReturnType<typeof audienceOf>['sync']>[1] = {}) => {
    const world = new World()
    const report = await audienceOf(world).sync(rows, more).run()
    expect(world.destination.sent).toEqual([])
    return report.error?.message
  }

  test('a source that gives changes only is refused', async () => {
    expect(await problem([person(1)], { complete: false })).toBe(
      'OPTION_INVALID: Sync: option audience.list at-risk needs a source that gives its whole audience: set complete: true on scores. Correct the option; its comment gives the bounds.',
    )
  })

  test('a column of another type is refused', async () => {
    expect(await problem([person(1)], { audience: { list: 'at-risk', where: 'score' } })).toMatch(
      /^OPTION_INVALID: Sync: option audience\.where names the column score, which is (bigint|double|int) and not boolean/,
    )
  })

  test('a column that is not there is refused, also where drift is only reported', async () => {
    const audience = { list: 'at-risk', where: 'AT_RISK' }
    expect(await problem([person(1)], { audience })).toMatch(/column AT_RISK is missing/)
    expect(await problem([person(1)], { audience, drift: { dropped: 'report', renamed: 'report' } })).toMatch(
      /^OPTION_INVALID: Sync: option audience\.where names the column AT_RISK, which is not there \(there is at_risk\)/,
    )
  })

  test('a list that the transform writes as well is refused', async () => {
    const transform = plainTransform(({ id, email }) => [
      {
        kind: 'membership',
        identifiers: { customer_id: String(id), email: String(email) },
        list: 'at-risk',
        member: false,
      },
    ])
    expect(await problem([person(1)], { transform })).toMatch(
      /^OPTION_INVALID: Sync: option audience\.list at-risk is written by the transform as well/,
    )
  })

  test.each([[{}], [{ list: '' }], [{ list: 1.5 }], [{ list: 'x', where: '' }]])('%j is refused', (audience) => {
    const more = { audience } as unknown as Partial<SyncOptions>
    expect(() => audienceOf(new World()).sync([person(1)], more)).toThrow('OPTION_INVALID: Sync: option audience')
  })
})
