import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type ErrorCode, LakeloopError } from '../../src/errors.js'
import type { Outcome } from '../../src/model/outcome.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { type OpenDriver, SqliteStore } from '../../src/stores/sqlite.js'
import type { Op } from '../../src/stores/store.js'
import { RecordingDestination } from '../sync/recording-destination.js'
import { people, World } from '../sync/world.js'

// What can befall a store in the middle of a run: the run stops and says so, nothing is lost, and the next one ends it.

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-faults-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A store that fails from its nth commit on, until it is mended. */
class FailingStore extends MemoryStore {
  commits = 0
  failsAt = Number.POSITIVE_INFINITY
  code: ErrorCode = 'STORE_FULL'
  /** Only commits that hold such an op fail. */
  only: (op: Op) => boolean = () => true

  override async commit(ops: readonly Op[]): Promise<void> {
    this.commits += 1
    if (this.commits > this.failsAt && ops.some(this.only)) throw new LakeloopError(this.code, { file: 'lakeloop.db' })
    await super.commit(ops)
  }
}

const CODES = ['STORE_FULL', 'STORE_READ_ONLY', 'STORE_CORRUPT', 'STORE_LOCKED', 'STORE_FAILED'] as const

describe('a store that fails in the middle of a run', () => {
  test.each(CODES)(
    '%s, from any commit on: the run says so, and the next one ends with the truth [I1] [I3]',
    async (code) => {
      const whole = new FailingStore()
      await new World({ store: whole }).sync(people(20)).run()
      expect(whole.commits).toBeGreaterThan(10)
      for (let failsAt = 0; failsAt < whole.commits - 1; failsAt += 1) {
        const store = new FailingStore()
        const world = new World({ store, destination: new RecordingDestination({ sizeMax: 4 }) })
        Object.assign(store, { failsAt, code })
        const report = await world.sync(people(20)).run()
        expect(report.status).not.toBe('complete')
        expect(report.error?.code).toBe(code)
        store.failsAt = Number.POSITIVE_INFINITY
        world.clock.advance(60_001) // the lease that could not be given back
        expect(await world.sync(people(20)).run()).toMatchObject({ status: 'complete', rows: { unsettled: 0 } })
        expect(world.destination.profiles().size).toBe(20)
        expect(world.destination.members('at-risk').size).toBe(7)
      }
    },
  )

  test('dead letters that cannot be kept stop the run before its cursor moves, and no row is lost [I4]', async () => {
    const store = new FailingStore()
    const world = new World({ store, destination: new RecordingDestination({ sizeMax: 10 }) })
    const no: Outcome = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }
    world.destination.knob = ({ rows }) =>
      rows.map(({ address, action }) =>
        address === 'p3@example.com' && action.kind === 'profile' ? no : { status: 'accepted' },
      )
    Object.assign(store, { failsAt: 0, only: ({ table }: Op) => table === 'deadLetter' })
    const report = await world.sync(people(20)).run()
    expect(report).toMatchObject({ status: 'failed', error: { code: 'STORE_FULL' } })
    const [checkpoint] = await store.get('checkpoint', [['test', 'churn']])
    expect(checkpoint).toMatchObject({ cursor: null, complete: false })
    store.failsAt = Number.POSITIVE_INFINITY
    expect(await world.sync(people(20)).run()).toMatchObject({ status: 'complete', rows: { read: 20, rejected: 1 } })
    expect(await store.scan('deadLetter', { prefix: ['test'], limit: 10 })).toHaveLength(2) // the profile, and the place
  })

  test('a real file whose disk is full stops the run, and goes on when there is room [I3]', async () => {
    const path = join(folder, 'full.db')
    let pagesMax = 45
    const driver: OpenDriver = (file) => {
      const opened = new (createRequire(import.meta.url)('libsql'))(file)
      opened.exec(`PRAGMA max_page_count = ${pagesMax}`)
      return opened
    }
    const rows = people(400)
    const small = new SqliteStore({ path, driver })
    const world = new World({ store: small, destination: new RecordingDestination({ sizeMax: 50 }) })
    const report = await world.sync(rows, { pageSize: 50 }).run()
    expect(report.error?.code).toBe('STORE_FULL')
    await small.close()
    pagesMax = 100_000
    const roomy = new SqliteStore({ path, driver })
    const again = new World({ store: roomy, destination: world.destination })
    again.clock.advance(120_000)
    expect(await again.sync(rows, { pageSize: 50 }).run()).toMatchObject({ status: 'complete' })
    expect(world.destination.profiles().size).toBe(400)
    await roomy.close()
  })
})
