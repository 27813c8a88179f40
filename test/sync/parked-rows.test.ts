import { describe, expect, test } from 'vitest'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import { LakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import type { DriftChange } from '../../src/model/report.js'
import { type Column, type Cursor, type Row, rowBlock, type Schema } from '../../src/model/row.js'
import type { JsonObject } from '../../src/model/value.js'
import type { ColumnOrigin, Page, ReadOptions, Source } from '../../src/sources/source.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { DriftPolicies } from '../../src/sync/drift-policy.js'
import type { Transform } from '../../src/transform/transform.js'
import { plainTransform } from './plain-transform.js'
import { World } from './world.js'

const column = (name: string, type = 'double', more: Partial<Column> = {}): Column => ({
  name,
  type,
  nullable: true,
  ...more,
})
const OLD: Schema = { columns: [column('id', 'string'), column('email', 'string'), column('score')], asOf: '1' }
const NEW: Schema = { columns: [column('id', 'string'), column('email', 'string'), column('churn')], asOf: '2' }

/** A table that is appended to, in versions of one schema each. A read gives what was appended since the cursor. */
class Table implements Source {
  readonly name = 'scores'
  readonly key = ['id']
  schema: Schema = OLD
  mode: Page['mode'] = 'changes'
  origins: readonly (ColumnOrigin | undefined)[] | undefined
  asked: unknown[] = []
  readonly #rows: Row[] = []

  append(...rows: Row[]): this {
    this.#rows.push(...rows)
    return this
  }

  async describe(): Promise<Schema> {
    return this.schema
  }

  async whoChanged(changes: readonly Pick<DriftChange, 'kind' | 'column'>[], since: string) {
    this.asked.push([changes.map(({ kind, column: name }) => `${kind} ${name}`), since])
    return this.origins ?? []
  }

  async *read({ after, pageSize = 2_000 }: ReadOptions): AsyncGenerator<Page> {
    const from = this.mode === 'snapshot' ? 0 : Number(after?.at ?? 0)
    for (let at = from; at < this.#rows.length; at += pageSize) {
      const rows = this.#rows.slice(at, at + pageSize)
      const cursor: Cursor = { at: at + rows.length }
      yield { schema: this.schema, rows: rowBlock(rows, { key: this.key }), cursor, mode: this.mode }
    }
  }

  async close(): Promise<void> {}
}

const scored = (field: 'score' | 'churn', version: string): Transform => {
  const make = (row: Row): readonly Action[] => [
    { kind: 'profile', identifiers: { email: String(row.email) }, dataFields: { risk: row[field] ?? null } },
  ]
  const transform = plainTransform(make, ['email', field])
  const { prepare } = transform
  return Object.assign(transform, { prepare: async () => ({ ...(await prepare()), version }) })
}

const row = (n: number, field: string, value = n / 10): Row => ({
  id: `c-${n}`,
  email: `p${n}@example.com`,
  [field]: value,
})

const sync = (
  world: World,
  source: Source,
  transform: Transform,
  drift: DriftPolicies = { dropped: 'park', renamed: 'park' },
) => world.sync([], { source, transform, drift })

/** After a complete run on the old schema, the column is renamed and two rows come. */
async function renamed(world: World) {
  const table = new Table().append(row(1, 'score'), row(2, 'score'))
  await sync(world, table, scored('score', 'v1')).run()
  table.schema = NEW
  table.append(row(1, 'churn', 0.71), row(3, 'churn'))
  return table
}

const risks = (world: World): Record<string, unknown> =>
  Object.fromEntries([...world.destination.profiles()].map(([address, fields]) => [address, fields?.risk]))

describe('a change of the schema that is parked', () => {
  test('sends none of its rows, loses none, and sends them once the transform was mended', async () => {
    const world = new World()
    const table = await renamed(world)
    const parked = await sync(world, table, scored('score', 'v1')).run()
    expect(parked).toMatchObject({ status: 'complete', rows: { read: 2, parked: 2, accepted: 0 } })
    expect(parked.reasons).toMatchObject([{ status: 'parked', reason: { code: 'SCHEMA_PARKED' }, rows: 2 }])
    expect(risks(world)).toEqual({ 'p1@example.com': 0.1, 'p2@example.com': 0.2 })

    const mended = await sync(world, table, scored('churn', 'v2')).run()
    expect(mended).toMatchObject({ status: 'complete', rows: { read: 2, accepted: 2 } })
    expect(risks(world)).toEqual({ 'p1@example.com': 0.71, 'p2@example.com': 0.2, 'p3@example.com': 0.3 })
    expect((await sync(world, table, scored('churn', 'v2')).run()).rows.read).toBe(0)
  })

  test('is left alone by a replay of dead letters: its rows were not chosen', async () => {
    const world = new World()
    const table = await renamed(world)
    await sync(world, table, scored('score', 'v1')).run()
    const replayed = await sync(world, table, scored('churn', 'v2')).replay({ deadLetters: 'all' })
    expect(replayed).toMatchObject({ status: 'complete', rows: { read: 0 } })
    expect(await world.store.scan('parkedRow', { prefix: [], limit: 10 })).toHaveLength(2)
  })

  test('leaves nothing of a schema behind, once no row of it is left', async () => {
    const world = new World()
    const table = await renamed(world)
    const schemas = async () =>
      (await world.store.scan('schema', { prefix: [], limit: 10 })).filter(({ key }) => key.includes('parked')).length
    const before = await schemas()
    await sync(world, table, scored('score', 'v1')).run()
    expect(await schemas()).toBe(before + 1)
    await sync(world, table, scored('score', 'v1')).run()
    expect(await schemas()).toBe(before + 1)
    await sync(world, table, scored('churn', 'v2')).run()
    await sync(world, table, scored('churn', 'v2')).run()
    expect(await schemas()).toBe(before)
  })

  test('a run that lost its lease drops no schema, where lists have a store of their own', async () => {
    const world = new World()
    const lists = new ListDeltaComputer({ store: new MemoryStore() })
    const run = (table: Table, transform: Transform) =>
      world.sync([], { source: table, transform, lists, drift: { dropped: 'park', renamed: 'park' } }).run()
    const table = await renamed(world)
    await run(table, scored('score', 'v1'))
    await run(table, scored('churn', 'v2'))
    const drops: boolean[] = []
    const { store } = world
    const commit = store.commit.bind(store)
    store.commit = async (ops) => {
      const isDrop = ops.some((op) => op.op === 'delete' && op.table === 'schema')
      if (isDrop) drops.push(ops.some((op) => op.op === 'check' && op.table === 'lease'))
      await commit(ops)
    }
    await run(table, scored('churn', 'v2'))
    expect(drops).toEqual([true])
  })

  test('a million rows are kept, those of former runs counted, and then a run stops [I12]', async () => {
    const world = new World()
    const table = await renamed(world) // two rows
    await sync(world, table, scored('score', 'v1')).run()
    const wide = (length: number): Source => ({
      ...{ name: table.name, key: table.key, describe: () => table.describe(), close: async () => undefined },
      async *read() {
        // As if there were so many: a run that goes on looks at them, and finds them missing.
        const rows = { ...rowBlock([], { key: table.key }), length }
        yield { schema: NEW, rows, cursor: { at: 9 }, mode: 'changes' }
      },
    })
    const stopped = await sync(world, wide(999_999), scored('score', 'v1')).run()
    expect(stopped).toMatchObject({ status: 'stopped', error: { code: 'SCHEMA_BREAKS_TRANSFORM' }, rows: { read: 0 } })
  })

  test('goes on as long as the transform is not mended, and gives older rows before newer ones', async () => {
    const world = new World()
    const table = await renamed(world)
    await sync(world, table, scored('score', 'v1')).run()
    table.append(row(1, 'churn', 0.72))
    expect((await sync(world, table, scored('score', 'v1')).run()).rows).toMatchObject({ read: 1, parked: 1 })
    table.append(row(3, 'churn', 0.33))
    expect((await sync(world, table, scored('churn', 'v2')).run()).rows).toMatchObject({ read: 4, accepted: 4 })
    expect(risks(world)).toMatchObject({ 'p1@example.com': 0.72, 'p3@example.com': 0.33 })
  })

  test('is not taken as accepted: a changed type is parked again in the next run', async () => {
    const world = new World()
    const table = new Table().append(row(1, 'score'))
    await sync(world, table, scored('score', 'v1')).run()
    table.schema = { columns: [...OLD.columns.slice(0, 2), column('score', 'string')], asOf: '2' }
    for (const value of ['0.1', '0.2']) {
      table.append({ ...row(1, 'score'), score: value })
      const report = await sync(world, table, scored('score', 'v1'), { typeChanged: 'park' }).run()
      expect(report.rows).toMatchObject({ read: 1, parked: 1 })
    }
    const edited = await sync(world, table, scored('score', 'v2'), { typeChanged: 'park' }).run()
    expect(edited.rows).toMatchObject({ read: 2, accepted: 2 })
  })

  test('gives way, row by row and field by field, to what newer rows have written since [I6]', async () => {
    const world = new World()
    const table = await renamed(world)
    await sync(world, table, scored('score', 'v1')).run() // p1 = 0.71 and p3 = 0.3 are kept
    table.schema = OLD
    table.append(row(1, 'score', 0.99))
    expect((await sync(world, table, scored('score', 'v1')).run()).rows).toMatchObject({ accepted: 1 })
    table.schema = NEW
    const mended = await sync(world, table, scored('churn', 'v2')).run()
    expect(mended).toMatchObject({ status: 'complete', rows: { read: 2, superseded: 1, accepted: 1 } })
    expect(risks(world)).toMatchObject({ 'p1@example.com': 0.99, 'p3@example.com': 0.3 })
    expect(await world.store.scan('parkedRow', { prefix: [], limit: 10 })).toEqual([])
  })

  test('writes only the fields that no newer row has, and wishes for no list over a newer wish [I6]', async () => {
    const world = new World()
    const made = (field: 'score' | 'churn', version: string): Transform => {
      const make = (read: Row): readonly Action[] => {
        const identifiers = { email: String(read.email) }
        const value = read[field] ?? null
        const dataFields: JsonObject = field === 'score' ? { risk: value } : { risk: value, churn: value }
        return [
          { kind: 'profile', identifiers, dataFields },
          { kind: 'membership', identifiers, list: 'at-risk', member: Number(value) > 0.7 },
        ]
      }
      const transform = plainTransform(make, ['email', field])
      const { prepare } = transform
      return Object.assign(transform, { prepare: async () => ({ ...(await prepare()), version }) })
    }
    const table = await renamed(world)
    await sync(world, table, made('score', 'v1')).run()
    table.schema = OLD
    table.append(row(1, 'score', 0.1))
    await sync(world, table, made('score', 'v1')).run()
    table.schema = NEW
    await sync(world, table, made('churn', 'v2')).run()
    const written = world.destination.applied.filter(({ address }) => address === 'p1@example.com')
    expect(written.at(-1)?.action).toMatchObject({ kind: 'profile', dataFields: { churn: 0.71 } })
    expect(written.at(-1)?.action).not.toHaveProperty('dataFields.risk')
    expect(world.destination.members('at-risk')).not.toContain('p1@example.com')
  })

  test('is not taken as accepted by a run that met no rows', async () => {
    const world = new World()
    const table = new Table().append(row(1, 'score'))
    await sync(world, table, scored('score', 'v1')).run()
    table.schema = { columns: [...OLD.columns.slice(0, 2), column('score', 'string')], asOf: '2' }
    const run = () => sync(world, table, scored('score', 'v1'), { typeChanged: 'park' }).run()
    expect((await run()).rows).toMatchObject({ read: 0 })
    table.append({ ...row(1, 'score'), score: 'high' })
    expect((await run()).rows).toMatchObject({ read: 1, parked: 1 })
  })

  test('is none where pages alone say whether a column may be NULL: they know less than the description', async () => {
    const world = new World()
    const table = new Table().append(row(1, 'score'))
    const pages: Source = {
      name: table.name,
      key: table.key,
      close: () => table.close(),
      describe: async () => ({ columns: OLD.columns.map((one) => ({ ...one, nullable: false })), asOf: '1' }),
      read: (options) => table.read(options),
    }
    const report = await sync(world, pages, scored('score', 'v1'), { nullability: 'stop' }).run()
    expect(report).toMatchObject({ status: 'complete', rows: { accepted: 1 }, drift: [] })
  })

  test('leaves rows parked that the next transform cannot read either', async () => {
    const world = new World()
    const table = await renamed(world)
    await sync(world, table, scored('score', 'v1')).run()
    table.schema = OLD
    table.append(row(4, 'score'))
    expect((await sync(world, table, scored('score', 'v1')).run()).rows).toMatchObject({ read: 1, accepted: 1 })
    table.schema = NEW
    expect((await sync(world, table, scored('churn', 'v2')).run()).rows).toMatchObject({ read: 2, accepted: 2 })
  })

  test('keeps no rows of a snapshot, which shows them again, and takes nobody off a list', async () => {
    const world = new World()
    const table = await renamed(world)
    table.mode = 'snapshot'
    expect((await sync(world, table, scored('score', 'v1')).run()).rows).toMatchObject({ read: 4, parked: 4 })
    expect(await world.store.scan('parkedRow', { prefix: [], limit: 10 })).toEqual([])
  })

  test('in the middle of a read parks what follows, and sends what came before', async () => {
    const world = new World()
    const table = new Table().append(...Array.from({ length: 7 }, (_, n) => row(n, 'score')), row(8, 'churn'))
    const source: Source = {
      name: table.name,
      key: table.key,
      describe: () => table.describe(),
      close: () => table.close(),
      async *read(options) {
        for await (const page of table.read(options)) yield page.rows.length === 7 ? page : { ...page, schema: NEW }
      },
    }
    const report = await sync(world, source, scored('score', 'v1')).run()
    expect(report).toMatchObject({ status: 'complete', rows: { read: 8, accepted: 7, parked: 1 } })
  })
})

/** A store whose nth commit from `arm` on does not come through: before it is written, or when it is and nobody hears. */
class Failing extends MemoryStore {
  arm: { left: number; readonly written: boolean } | undefined

  override async commit(ops: Parameters<MemoryStore['commit']>[0]): Promise<void> {
    if (this.arm === undefined || --this.arm.left > 0) return await super.commit(ops)
    const { written } = this.arm
    this.arm = undefined
    if (written) await super.commit(ops)
    throw new Error('the store is gone')
  }
}

test.each([false, true])(
  'a crash at any commit loses no parked row and doubles none, written %s [I1] [I4]',
  async (written) => {
    let crashes = 0
    for (const which of ['parking', 'mended'] as const) {
      for (let left = 1; left <= 40; left += 1) {
        const store = new Failing()
        const world = new World({ store })
        const table = await renamed(world)
        const parking = () => sync(world, table, scored('score', 'v1')).run()
        const mended = () => sync(world, table, scored('churn', 'v2')).run()
        if (which === 'mended') await parking()
        store.arm = { left, written }
        const hit = await (which === 'parking' ? parking() : mended()).catch(() => undefined)
        const didCrash = store.arm === undefined
        store.arm = undefined
        if (!didCrash) expect(hit?.status).toBe('complete')
        crashes += Number(didCrash)
        world.clock.advance(60_001) // the lease of the dead is over
        if (which === 'parking') {
          await parking()
          expect(await store.scan('parkedRow', { prefix: [], limit: 10 })).toHaveLength(2)
        }
        expect((await mended()).status).toBe('complete')
        expect(risks(world)).toEqual({ 'p1@example.com': 0.71, 'p2@example.com': 0.2, 'p3@example.com': 0.3 })
        expect(await store.scan('parkedRow', { prefix: [], limit: 10 })).toEqual([])
        if (!didCrash) break
      }
    }
    expect(crashes).toBeGreaterThan(8)
  },
)

test('pages whose rows do not tell what is never NULL are no change of a table that declares it', async () => {
  const world = new World()
  const table = new Table().append(row(1, 'score'))
  const columns = [...OLD.columns.slice(0, 2), column('score', 'double', { nullable: false })]
  table.describe = async () => ({ ...OLD, columns })
  const run = () => sync(world, table, scored('score', 'v1'), { nullability: 'stop' }).run()
  expect(await run()).toMatchObject({ status: 'complete', drift: [] })
  table.append(row(2, 'score'))
  expect(await run()).toMatchObject({ status: 'complete', drift: [] })
  table.describe = async () => OLD
  expect((await run()).error?.code).toBe('SCHEMA_CHANGED')
})

describe('what made a change', () => {
  test('is asked of the source since the accepted schema, and told in report and error', async () => {
    const world = new World()
    const table = await renamed(world)
    table.origins = [{ version: 7, at: '2026-03-15T10:00:00.000Z', user: 'dana', renamedTo: 'churn' }]
    const report = await sync(world, table, scored('score', 'v1'), {}).run()
    expect(table.asked).toEqual([[['dropped score', 'added churn', 'dropped email'], '1']])
    expect(report.status).toBe('stopped')
    expect(report.drift).toEqual([
      {
        kind: 'renamed',
        column: 'score',
        candidates: ['churn'],
        breaks: true,
        decision: 'stop',
        commit: { version: 7, at: '2026-03-15T10:00:00.000Z', user: 'dana' },
      },
    ])
    expect(report.error?.message).toBe(
      'SCHEMA_BREAKS_TRANSFORM: column score is renamed to churn (version 7 of 2026-03-15T10:00:00.000Z); the ' +
        'transform reads it at plain.js:2:1. Mend the transform or the query. Nothing was sent and the cursor has not moved.',
    )
  })
})

describe('a column without an id whose name another one has taken', () => {
  const commit = { version: 7, at: '2026-03-15T10:00:00.000Z' }
  const taken = async (origin: ColumnOrigin | undefined, version = 'v1') => {
    const world = new World()
    const table = new Table().append(row(1, 'score'))
    await sync(world, table, scored('score', 'v1'), {}).run()
    table.schema = { columns: [...OLD.columns, column('old_score')], asOf: '2' }
    table.origins = [commit, undefined, origin]
    const report = await sync(world, table, scored('score', version), {}).run()
    expect(table.asked).toEqual([[['added old_score', 'dropped email', 'dropped score'], '1']])
    return report
  }

  test('was renamed, as the history says', async () => {
    const { drift, error } = await taken({ ...commit, renamedTo: 'old_score' })
    expect(drift).toMatchObject([
      { kind: 'renamed', column: 'score', candidates: ['old_score'], after: 'double', decision: 'stop', commit },
    ])
    expect(error?.message).toContain('column score is renamed to old_score, and another column has its name now')
  })

  test('was dropped and made anew, as the history says', async () => {
    const { drift } = await taken(commit)
    expect(drift.slice(1)).toMatchObject([{ kind: 'dropped', column: 'score', after: 'double', decision: 'stop' }])
    expect((await taken(commit, 'v2')).status).toBe('complete')
  })

  test('is the same one where the history has nothing, or a renaming and back', async () => {
    for (const origin of [undefined, { ...commit, renamedTo: 'score' }]) {
      expect(await taken(origin)).toMatchObject({ status: 'complete', drift: [{ kind: 'added' }] })
    }
  })
})

describe('what stands before the values', () => {
  const guarded = async (schema: Partial<Schema>, reads: 'score' | 'churn' = 'score') => {
    const world = new World()
    const table = new Table().append(row(1, 'score'))
    table.schema = { ...OLD, ...schema }
    return { world, report: await sync(world, table, scored(reads, 'v1'), { dropped: 'report' }).run() }
  }
  const masked = { columns: [...OLD.columns.slice(0, 2), column('score', 'double', { mask: 'main.sec.rounded' })] }

  test('guards that nobody shows stop the run, which is no failure of it', async () => {
    const world = new World()
    const table = new Table().append(row(1, 'score'))
    table.describe = () =>
      Promise.reject(new LakeloopError('SOURCE_GUARDS_UNSEEN', { source: 's', table: 't', why: 'w' }))
    const report = await sync(world, table, scored('score', 'v1')).run()
    expect(report).toMatchObject({ status: 'stopped', rows: { read: 0 }, error: { code: 'SOURCE_GUARDS_UNSEEN' } })
  })

  test('a mask on a column that the transform reads ends the run before its first row', async () => {
    const { world, report } = await guarded(masked)
    expect(report).toMatchObject({ status: 'stopped', rows: { read: 0 }, error: { code: 'SOURCE_GUARDED' } })
    expect(report.error?.message).toContain('the mask main.sec.rounded stands before column score of scores')
    expect(risks(world)).toEqual({})
  })

  test('a mask on another column is no matter', async () => {
    expect((await guarded(masked, 'churn')).report.status).toBe('complete')
  })

  test('a mask on the key ends the run, though the transform does not read it', async () => {
    const [, ...others] = OLD.columns
    const { report } = await guarded({ columns: [column('id', 'string', { mask: 'main.sec.hidden' }), ...others] })
    expect(report.error?.message).toContain('the mask main.sec.hidden stands before column id of scores')
  })

  test('a row filter ends the run, whatever is read', async () => {
    const { report } = await guarded({ rowFilter: 'main.sec.only_eu' }, 'churn')
    expect(report.error?.message).toContain('the row filter main.sec.only_eu stands before the rows of scores')
  })
})
