import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Desk, ROWS } from './desk.js'

let desk: Desk
/** `score` is a number at the destination. */
const BAD = [
  { id: 'C-8', email: 'canary@example.com', score: 'high' },
  { id: 'C-9', email: 'dan@example.com', score: 'low' },
]
beforeEach(async () => {
  desk = await Desk.open()
  desk.sync('churn', { rows: [...ROWS, ...BAD], options: { rejectedShareMax: 1 } })
  await desk.run('run')
})
afterEach(() => desk.close())

interface Told {
  readonly id: string
  readonly kind: string
  readonly reason: { readonly code: string }
  readonly action?: { readonly dataFields: object }
}
const letters = async (...args: string[]) => (await desk.json('dead-letters', 'list', ...args)).told as readonly Told[]

test('a list has ids, kinds and reasons, and keys and values only where they were asked for [I7]', async () => {
  const { exit, said } = await desk.run('dead-letters', 'list')
  expect([exit, said.length]).toEqual([0, 2])
  for (const line of said) expect(line).toMatch(/^\S+ {2}\S+Z {2}churn {2}profile {2}[A-Z_]+: /)
  const plain = await letters()
  expect(JSON.stringify(plain)).not.toMatch(/canary|C-8|high/)
  expect(JSON.stringify(await letters('--payloads'))).toMatch(/canary|C-8/)
  expect((await desk.run('dead-letters', 'list', '--payloads')).said.join('\n')).toContain('"score":"high"')
  expect(await letters('--limit', '1')).toHaveLength(1)
  expect(await letters('--reason', plain[0]?.reason.code ?? '')).toHaveLength(2)
  expect((await desk.run('dead-letters', 'list', '--reason', 'OTHER')).said).toEqual(['no dead letters'])
})

test('one is shown, mended in a file, and accepted when it is replayed', async () => {
  const [first] = await letters('--payloads')
  const id = first?.id ?? ''
  const [shown] = (await desk.json('dead-letters', 'show', id)).told as readonly Told[]
  expect(shown?.action).toMatchObject({ kind: 'profile', dataFields: { score: 'high' } })
  writeFileSync(
    join(desk.folder, 'mended.json'),
    JSON.stringify({ ...shown, action: { ...shown?.action, dataFields: { score: 0.4 } } }),
  )
  expect(await desk.run('dead-letters', 'edit', id, '--file', 'mended.json')).toMatchObject({ exit: 0 })
  const { exit, said } = await desk.run('replay', id)
  expect([exit, said[0], said[1]]).toEqual([
    0,
    expect.stringMatching(/^churn: complete in .* of dead letters, run /),
    '  1 rows read: 1 accepted',
  ])
  expect(desk.fake.ledger.user('canary@example.com')).toMatchObject({ dataFields: { score: 0.4 } })
  expect(await letters()).toHaveLength(1)
})

test('what is refused again stays, and is an exit of its own where that was asked for', async () => {
  const { exit, told } = await desk.json('replay', '--all', '--fail-on-rejected')
  expect([exit, told]).toMatchObject([3, [{ reads: 'deadLetters', rows: { read: 2, rejected: 2 } }]])
  expect((await desk.run('dead-letters', 'list')).said[0]).toContain('(tried again 1 times)')
})

test('those that are named are dropped, and no others', async () => {
  const [first, second] = await letters()
  expect((await desk.run('dead-letters', 'drop', first?.id ?? '')).said).toEqual(['churn: 1 dropped'])
  expect((await letters()).map(({ id }) => id)).toEqual([second?.id])
  expect((await desk.json('dead-letters', 'drop', '--all')).told).toEqual([{ sync: 'churn', dropped: 1 }])
  expect((await desk.run('dead-letters', 'expire')).said).toEqual(['churn: none has expired'])
})

test.each([
  [['dead-letters'], 'dead-letters list, show, edit, drop or expire'],
  [['dead-letters', 'lst'], 'dead-letters list, show, edit, drop or expire'],
  [['dead-letters', 'show'], 'the id of one dead letter is wanted'],
  [['dead-letters', 'edit', 'x'], 'edit wants --file FILE'],
  [['dead-letters', 'edit', 'x', '--file', 'none.json'], 'none.json cannot be read'],
  [['dead-letters', 'drop'], 'which ones has to be said'],
  [['dead-letters', 'drop', '--all', '--reason', 'A'], '--all is all of them'],
  [['dead-letters', 'list', 'x'], 'list takes no ids'],
  [['replay'], 'which ones has to be said'],
])('%j is a mistake, and changes nothing', async (args, says) => {
  await expect(desk.run(...args)).rejects.toThrow(says)
  expect(await letters()).toHaveLength(2)
})

test('a file that holds no letter is refused without what stands in it [I7]', async () => {
  const [first] = await letters()
  for (const text of ['{"canary-of-the-file', '[]', '{}', 'null', '{"action":{},"row":{}}']) {
    writeFileSync(join(desk.folder, 'bad.json'), text)
    const refused = desk.run('dead-letters', 'edit', first?.id ?? '', '--file', 'bad.json')
    await expect(refused).rejects.toThrow(/^bad\.json is no JSON object with an action or a row/)
  }
})
