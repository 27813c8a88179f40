import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MemoryStore, RowsSource } from 'lakeloop'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UsageError } from '../../src/cli/usage.js'
import { Desk, ROWS } from './desk.js'

let desk: Desk
beforeEach(async () => {
  desk = await Desk.open()
})
afterEach(() => desk.close())

const untimed = (lines: readonly string[]) =>
  lines.map((line) => line.replace(/in [\d.]+ m?s/, 'in # s').replace(/run \S+$/, 'run #'))
/** Without an address it is rejected: the id is unusable. */
const BAD = { id: '', email: 'not an address', score: 1 }

describe('lakeloop run', () => {
  test('runs a sync, and says what became of the rows, the lists and the requests', async () => {
    desk.sync('churn')
    const { exit, said } = await desk.run('run')
    expect([exit, untimed(said)]).toEqual([
      0,
      [
        'churn: complete in # s, run #',
        '  3 rows read: 3 accepted',
        '  list news: 2 added, 0 removed, 0 kept',
        expect.stringMatching(/^ {2}requests: .*1 users\/bulkUpdate/),
      ],
    ])
    expect(desk.fake.ledger.user('ada@example.com')).toMatchObject({ dataFields: { score: 0.9 } })
    const again = await desk.json('run', 'churn')
    expect(again.told).toMatchObject([{ sync: 'churn', status: 'complete', rows: { read: 3, unchanged: 3 } }])
  })

  test('ends with 1 where a run did not complete, and still runs the others', async () => {
    desk.sync('first', { apiKey: 'wrong' })
    desk.sync('second')
    const { exit, said } = await desk.run('run')
    expect(exit).toBe(1)
    expect(untimed(said).filter((line) => !line.startsWith('  '))).toEqual([
      'first: failed in # s, run #',
      'second: complete in # s, run #',
    ])
    expect(said.join('\n')).toContain('  DESTINATION_UNAUTHORIZED: ')
  })

  test('ends with 3 for rejected rows where that was asked for, and with 0 where not', async () => {
    desk.sync('churn', { rows: [...ROWS, BAD], options: { rejectedShareMax: 1 } })
    expect((await desk.run('run')).exit).toBe(0)
    const { exit, said } = await desk.run('run', '--fail-on-rejected')
    expect([exit, said.some((line) => /1 rows rejected: [A-Z_]+: /.test(line))]).toEqual([3, true])
  })

  test('reads no further once it was told to end, and ends with the exit of the signal', async () => {
    async function* rows() {
      yield ROWS[0] as object
      desk.ending.abort('SIGTERM')
      yield ROWS[1] as object
      yield ROWS[2] as object
    }
    desk.sync('churn', {
      source: new RowsSource({ name: 'churn', rows: () => rows() as never, key: ['id'] }),
      options: { pageSize: 1 },
    })
    desk.sync('second')
    const { exit, told } = await desk.json('run')
    expect(exit).toBe(143)
    expect(told).toMatchObject([{ sync: 'churn', status: 'cancelled' }]) // and the second was not begun
  })

  test('sends all of it again where that is the mode, as its plan says', async () => {
    desk.sync('churn')
    await desk.run('run')
    expect((await desk.run('plan', 'churn')).said[0]).toBe('plan of churn: 3 rows read, 3 unchanged')
    expect((await desk.run('plan', 'churn', '--mode', 'full')).said[0]).toBe('plan of churn: 3 rows read, 0 unchanged')
    const { told } = await desk.json('run', '--mode', 'full')
    expect(told).toMatchObject([{ rows: { read: 3, accepted: 3 } }])
    await expect(desk.run('run', '--mode', 'half')).rejects.toThrow('--mode is full or resync, and not half')
  })

  test('sends what a plan holds, and refuses one that has been overtaken', async () => {
    desk.sync('churn')
    const planned = await desk.run('plan', 'churn', '--out', 'plan.json')
    expect([planned.exit, planned.said[0]]).toEqual([0, 'plan of churn: 3 rows read, 0 unchanged'])
    expect(desk.fake.ledger.entries).toEqual([])
    expect(readFileSync(join(desk.folder, 'plan.json'), 'utf8')).not.toContain('@')
    expect((await desk.run('run', '--plan', 'plan.json')).exit).toBe(0)
    const { exit, told } = await desk.json('run', '--plan', 'plan.json')
    expect([exit, told]).toMatchObject([1, [{ status: 'stopped', error: { code: 'PLAN_STALE' } }]])
  })

  test('a file that holds no plan, a plan of two syncs and a sync that is not there are mistakes', async () => {
    desk.sync('churn')
    desk.sync('other')
    writeFileSync(join(desk.folder, 'no.json'), '{"a":1}')
    await expect(desk.run('run', '--plan', 'none.json')).rejects.toThrow('the plan none.json cannot be read')
    await expect(desk.run('run', '--plan', 'no.json')).rejects.toThrow('no.json holds no plan')
    await expect(desk.run('plan', '--out', 'plan.json')).rejects.toThrow('--out keeps the plan of one sync')
    await expect(desk.run('run', 'chrun')).rejects.toThrow('there is no sync chrun: perhaps churn')
    await expect(desk.run('run', '--grace', 'soon')).rejects.toBeInstanceOf(UsageError)
    expect(desk.fake.ledger.entries).toEqual([])
  })
})

test('lakeloop plan ends with 1 where the run would stop, with 3 for rejected rows where asked, and sends nothing', async () => {
  desk.sync('churn', { apiKey: 'wrong' })
  expect((await desk.json('plan', 'churn')).exit).toBe(1)
  desk.sync('churn', { rows: [...ROWS, BAD], options: { rejectedShareMax: 1 } })
  const { exit, told } = await desk.json('plan', 'churn', '--fail-on-rejected')
  expect([exit, told]).toMatchObject([3, [{ sync: 'churn', rows: { read: 4, rejected: 1 } }]])
  expect(JSON.stringify(told)).not.toContain('@')
  const whole = await desk.json('plan', 'churn', '--payloads')
  expect(JSON.stringify(whole.told)).toContain('ada@example.com') // it was asked for
  expect(whole.told).toMatchObject([{ losses: [{ status: 'rejected' }] }])
  expect(desk.fake.ledger.entries).toEqual([])
})

describe('lakeloop history', () => {
  test('tells of runs, newest first, and of one by the beginning of its id', async () => {
    desk.sync('churn')
    expect((await desk.run('history')).said).toEqual(['no run yet'])
    await desk.run('run')
    await desk.run('run')
    const { told } = await desk.json('history')
    expect(told).toMatchObject([{ rows: { unchanged: 3 } }, { rows: { accepted: 3 } }])
    const [{ runId }] = told as never as [{ runId: string }]
    const { said } = await desk.run('history', '--run', runId)
    expect(said).toContain('  3 rows read: 3 unchanged')
    expect((await desk.run('history', '--limit', '1')).said).toHaveLength(1)
    await expect(desk.run('history', '--run', 'zzz')).rejects.toThrow('there is no run zzz')
    await expect(desk.run('history', '--limit', '0')).rejects.toBeInstanceOf(UsageError)
  })
})

describe('lakeloop history of one run', () => {
  test('tells of the requests of a run, and of outcomes by reason and status, without whose they are [I7]', async () => {
    desk.sync('churn', { rows: [...ROWS, BAD], options: { rejectedShareMax: 1 } })
    const { told } = await desk.json('run')
    const [{ runId }] = told as never as [{ runId: string }]
    const batches = await desk.run('history', '--run', runId.slice(0, 8), '--batches')
    expect(batches.said[0]).toMatch(/^\S+Z {2}users\/bulkUpdate {2}3 actions, 3 accepted {2}\d+ bytes {2}\d/)
    const rejected = await desk.run('history', '--outcomes', '--status', 'rejected')
    expect(rejected.said.length).toBeGreaterThan(0)
    for (const line of rejected.said) expect(line).toMatch(/ {2}rejected {4}\w+.* [A-Z_]+: /)
    const all = await desk.json('history', '--outcomes', '--run', runId, '--limit', '1000')
    expect(all.told.length).toBeGreaterThanOrEqual(7)
    expect(JSON.stringify(all.told)).not.toMatch(/@|C-1/)
    expect((await desk.run('history', '--outcomes', '--reason', 'NOT_A_CODE')).said).toEqual([])
    await expect(desk.run('history', '--batches')).rejects.toThrow('--batches are of one run')
    await expect(desk.run('history', '--status', 'rejected')).rejects.toThrow('are of --outcomes')
    await expect(desk.run('history', '--outcomes', '--status', 'bad')).rejects.toThrow('--status is one of accepted')
  })
})

test('lakeloop types prints row types, or writes them', async () => {
  desk.sync('churn')
  const { said } = await desk.run('types')
  expect(said.join('\n')).toMatch(/'?score'?\??: .*number/)
  expect((await desk.run('types', '--out', 'churn.row.d.ts')).said).toEqual(['churn: row types are in churn.row.d.ts'])
  expect(readFileSync(join(desk.folder, 'churn.row.d.ts'), 'utf8').trimEnd()).toBe(said.join('\n'))
  desk.sync('other')
  await expect(desk.run('types')).rejects.toThrow('which sync is meant has to be said, by SYNC: churn, other')
})

describe('lakeloop explain', () => {
  test('says who somebody is, by an identifier, a bare value or a profile id', async () => {
    desk.sync('churn')
    await desk.run('run')
    const { exit, said } = await desk.run('explain', 'customer_id=C-1')
    expect(exit).toBe(0)
    expect(said).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^customer_id=C-1 is profile /),
        expect.stringContaining('address ada@example.com'),
        '  has email=ada@example.com',
        '  customer_id=C-1 and email=ada@example.com stand together in churn C-1',
        expect.stringMatching(/^ {2}\S+Z {2}accepted {4}profile {2}\S+$/),
        expect.stringMatching(/^ {2}\S+Z {2}accepted {4}\w+ {2}on news {2}\S+$/),
      ]),
    )
    const { told } = await desk.json('explain', 'ada@example.com')
    expect(told).toMatchObject([
      { known: true, asked: { namespace: 'email' }, resolution: { address: 'ada@example.com' } },
    ])
    const [{ profile }] = told as never as [{ profile: { profileId: string } }]
    expect((await desk.json('explain', profile.profileId)).told).toMatchObject([
      { profile: { profileId: profile.profileId } },
    ])
  })

  test('says of two whether they are one person, and ends with 1 for nobody', async () => {
    desk.sync('churn')
    await desk.run('run')
    expect((await desk.run('explain', 'C-1', 'ada@example.com')).said[0]).toMatch(/ are one person: profile /)
    expect((await desk.run('explain', 'C-1', 'C-2')).said).toEqual([
      'customer_id=C-1 and customer_id=C-2 are two people: no records lead from the one to the other',
    ])
    expect(await desk.run('explain', 'customer_id=C-9')).toMatchObject({
      exit: 1,
      said: ['nobody is known as customer_id=C-9', expect.any(String)],
    })
    await expect(desk.run('explain')).rejects.toThrow('one or two IDs are wanted')
  })
})

describe('lakeloop doctor', () => {
  test('finds nothing to mend where all is there', async () => {
    desk.sync('churn')
    const { exit, said } = await desk.run('doctor')
    expect(said.filter((line) => line.startsWith('NO'))).toEqual([])
    expect(said).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^ok {2}this machine: Node \d/),
        'ok  churn: store: SqliteStore',
        'ok  churn: rules of identity are those of the graph',
        'ok  churn: transform plain.js',
        'ok  churn: source churn',
        'ok  churn: destination iterable: sign in',
        '??  churn: destination iterable: project type email',
        'ok  churn: destination iterable: clock of this machine',
        'ok  churn: destination iterable: read lists',
      ]),
    )
    expect(exit).toBe(0)
    expect(await desk.store.scan('lease', { prefix: ['desk'], limit: 10 })).toEqual([]) // and leaves nothing
  })

  test('says of a refused key, a wrong clock and a store that ends with the process what to do', async () => {
    desk.sync('churn', { apiKey: 'wrong', store: new MemoryStore() })
    const refused = await desk.json('doctor')
    expect(refused.exit).toBe(1)
    expect(refused.told).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          what: 'store: MemoryStore',
          status: 'unsure',
          fix: ['Use a SqliteStore or a PostgresStore.'],
        }),
        expect.objectContaining({
          what: 'destination iterable: sign in',
          status: 'wrong',
          fix: [expect.stringContaining('server-side key')],
        }),
      ]),
    )
    expect(JSON.stringify(refused.told)).not.toContain('"wrong"}') // the key
    desk.sync('churn', { today: () => Date.now() + 600_000 })
    const { exit, said } = await desk.run('doctor', 'churn')
    const at = said.findIndex((line) => line.includes('clock of this machine'))
    expect([exit, said.slice(at, at + 3)]).toEqual([
      1,
      [
        'NO  churn: destination iterable: clock of this machine',
        expect.stringMatching(/^ {4}it is (599|600|601) s ahead of Iterable's$/),
        '    -> Set it by NTP (chrony, systemd-timesyncd, w32tm).',
      ],
    ])
  })

  test.each([
    ['is not there', () => '', 'CREDENTIALS_MISSING'],
    ['cannot be got', () => Promise.reject(new Error('no vault')), 'CREDENTIALS_MISSING'],
    ['has the form of none', () => 'two words', 'OPTION_INVALID'],
  ])('a key that %s is to be mended, and no matter of opinion', async (_, apiKey, code) => {
    desk.sync('churn', { apiKey })
    const { exit, told } = await desk.json('doctor')
    expect(exit).toBe(1)
    const problem = expect.stringMatching(`^${code}: IterableDestination`)
    const what = 'destination iterable: sign in'
    expect(told).toEqual(expect.arrayContaining([expect.objectContaining({ what, status: 'wrong', problem })]))
  })

  test('goes on where one part fails, and names it', async () => {
    const source = new RowsSource({ name: 'gone', rows: ROWS })
    await source.close()
    desk.sync('churn', { source })
    await desk.store.close()
    const { exit, said } = await desk.run('doctor')
    expect(exit).toBe(1)
    expect(said).toEqual(
      expect.arrayContaining(['NO  churn: store: SqliteStore', 'ok  churn: destination iterable: sign in']),
    )
    expect(said.join('\n')).toContain('STORE_CLOSED')
  })
})
