import { expect, test } from 'vitest'
import { reportLines } from '../../src/cli/report-text.js'
import { planText } from '../../src/sync/plan.js'
import { Tally } from '../../src/sync/tally.js'
import { Transform } from '../../src/transform/transform.js'
import { World } from './world.js'

const rows = [
  { id: 'c-1', email: 'p1@example.com', phone: 'n/a', score: 1 },
  { id: 'c-2', email: 'p2@example.com', phone: '+15550100', score: 2 },
]
const misspelt = () =>
  Transform.fromText(
    'export default ({ id, email, phone, score }) => ({ identifiers: { custmer_id: id, email, phone }, dataFields: { score } })',
    { isolation: 'none' },
  )

test('a misspelt namespace beside a good one is not lost without a word', async () => {
  const sync = new World().sync(rows, { transform: misspelt() })
  const found = { custmer_id: { undeclared: 2 }, phone: { undeclared: 2 } }
  const plan = await sync.plan()
  expect(plan.unusable).toEqual(found)
  expect(planText(plan)).toContain('identifiers that join nobody: custmer_id: 2 undeclared')
  const report = await sync.run()
  expect([report.rows.accepted, report.unusable]).toEqual([2, found])
  expect(reportLines(report)).toContain('  identifiers that join nobody: custmer_id: 2 undeclared')
  expect((await sync.run()).unusable).toEqual(found) // also where nothing is sent
})

test('identifiers that all join somebody are told of by nothing', async () => {
  const sync = new World().sync(rows.map(({ phone: _, ...row }) => row))
  expect([(await sync.plan()).unusable, (await sync.run()).unusable]).toEqual([{}, {}])
})

test('a transform that makes names of values does not fill a report', () => {
  const tally = new Tally()
  const who = Array.from({ length: 1_000 }, (_, n) => ({ unusable: [[`n${n}`, 'undeclared']] as const }))
  tally.unused(who)
  expect(Object.keys(tally.unusable)).toHaveLength(101)
  expect(tally.unusable['another name']).toEqual({ undeclared: 900 })
})
