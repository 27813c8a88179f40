import { describe, expect, test } from 'vitest'
import type { Destination, PreparedRequest } from '../../src/destinations/destination.js'
import { actionAt } from '../../src/model/action-block.js'
import { type Row, rowBlock } from '../../src/model/row.js'
import type { JsonObject } from '../../src/model/value.js'
import type { Page, Source } from '../../src/sources/source.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Key, Op, Range, Store, Table } from '../../src/stores/store.js'
import {
  conformance,
  type DestinationSetup,
  destinationConformance,
  type SourceSetup,
  sourceConformance,
  storeConformance,
} from '../../src/testing/index.js'

/** The cases that a part does not pass. */
async function failures<Made>(
  suite: readonly { readonly name: string; readonly run: (make: () => Promise<Made>) => Promise<void> }[],
  make: () => Promise<Made>,
): Promise<readonly string[]> {
  const runs: Promise<string | undefined>[] = []
  const note = (name: string, run: () => Promise<void>) => {
    runs.push(
      run().then(
        () => undefined,
        () => name,
      ),
    )
  }
  conformance({ test: note }, suite, make)
  return (await Promise.all(runs)).filter((name) => name !== undefined)
}

class Wrapped implements Store {
  readonly supports = { durable: false, shared: false }
  readonly base = new MemoryStore()
  table = (table: Table): Table => table
  key = (key: Key): Key => key
  op = (op: Op): Op => ({ ...op, table: this.table(op.table), key: this.key(op.key) })
  get(table: Table, keys: readonly Key[]) {
    return this.base.get(this.table(table), keys.map(this.key))
  }
  scan(table: Table, range: Range) {
    return this.base.scan(this.table(table), range)
  }
  commit(ops: readonly Op[]): Promise<void> {
    return this.base.commit(ops.map(this.op))
  }
  close() {
    return this.base.close()
  }
}
const STORES: Readonly<Record<string, () => Store>> = {
  'keeps two tables as one': () =>
    Object.assign(new Wrapped(), { table: (table: Table) => (table === 'conflict' ? 'quarantine' : table) }),
  'writes a commit bit by bit': () =>
    new (class extends Wrapped {
      override async commit(ops: readonly Op[]) {
        for (const op of ops) {
          await super.commit([op])
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
    })(),
  'takes letters as they look': () =>
    Object.assign(new Wrapped(), { key: (key: Key) => key.map((part) => String(part).normalize('NFC')) }),
  'rounds numbers': () =>
    Object.assign(new Wrapped(), {
      op: (op: Op): Op =>
        op.op === 'put' && typeof op.value === 'number' ? { ...op, value: Number(op.value.toFixed(6)) } : op,
    }),
}

const ROWS: Row[] = Array.from({ length: 5 }, (_, n) => ({ id: `c-${n}`, at: `2026-01-0${n + 1}T00:00:00Z` }))
const schema = { columns: ['id', 'at'].map((name) => ({ name, type: 'string', nullable: false })) }

function source(
  change: (page: Page, nth: number) => Page | readonly Page[] = (page) => page,
  more: Partial<Source> = {},
): SourceSetup {
  const whole: Source = {
    name: 'tiny',
    key: ['id'],
    changedAt: 'at',
    async *read({ after, pageSize = 2, signal }) {
      const { LakeloopError } = await import('../../src/errors.js')
      if (after !== undefined && typeof after.to !== 'number')
        throw new LakeloopError('CURSOR_INVALID', { source: 'tiny' })
      for (let from = Number(after?.to ?? 0), nth = 0; from < ROWS.length; from += pageSize, nth += 1) {
        if (signal.aborted) throw new LakeloopError('ABORTED')
        const to = Math.min(from + pageSize, ROWS.length)
        const rows = rowBlock(ROWS.slice(from, to), { key: ['id'], changedAt: 'at' })
        yield* [change({ schema, rows, cursor: { to }, mode: 'changes' }, nth)].flat()
      }
    },
    describe: async () => schema,
    close: async () => undefined,
    ...more,
  }
  return { source: whole, rows: ROWS, ordered: true }
}
const SOURCES: Readonly<Record<string, () => SourceSetup>> = {
  'shares a position between two reads': () => {
    let from = 0
    return source(undefined, {
      async *read({ pageSize = 2 }) {
        for (; from < ROWS.length; ) {
          const rows = ROWS.slice(from, from + pageSize)
          from += pageSize
          await new Promise((resolve) => setImmediate(resolve))
          yield {
            schema,
            rows: rowBlock(rows, { key: ['id'], changedAt: 'at' }),
            cursor: { to: from },
            mode: 'changes',
          }
        }
        from = 0
      },
    })
  },
  'puts empty pages between': () =>
    source((page) => [page, { ...page, rows: rowBlock([]), cursor: { ...page.cursor, empty: true } }]),
  'changes its mode half way': () => source((page, nth) => ({ ...page, mode: nth === 0 ? 'changes' : 'snapshot' })),
  'has a key that no row has': () => source((page) => ({ ...page, rows: { ...page.rows, key: () => undefined } })),
  'tells no time': () => source((page) => ({ ...page, rows: { ...page.rows, changedAt: () => 'yesterday' } })),
}

interface Account {
  readonly held: Map<string, JsonObject>
}

/** One request for all actions; `apply` says what becomes of one. */
function destination(
  apply: (account: Account, id: string, fields: JsonObject) => void,
  { whole = false } = {},
): DestinationSetup {
  const account: Account = { held: new Map() }
  const requestOf = (rows: readonly [number, string, JsonObject][]): PreparedRequest => ({
    endpoint: 'put',
    actions: rows.map(([index]) => index),
    body: Buffer.from(JSON.stringify(rows)),
  })
  const rowsOf = (request: PreparedRequest) =>
    JSON.parse(Buffer.from(request.body).toString()) as [number, string, JsonObject][]
  const made: Destination = {
    name: 'tiny',
    project: 'p',
    addressedBy: 'id',
    open: async () => ({
      prepare(actions) {
        const rows: [number, string, JsonObject][] = []
        const refused = []
        for (let at = 0; at < actions.length; at += 1) {
          const { id } = actions.identifiers(at)
          const { dataFields = {} } = actionAt(actions, at) as { dataFields?: JsonObject }
          if (id === undefined) refused.push({ action: at, reason: { code: 'IDENTIFIER_MISSING', facts: {} } })
          else rows.push([at, id, dataFields])
        }
        return { requests: rows.length === 0 ? [] : [requestOf(rows)], refused }
      },
      split(request, by) {
        const rows = rowsOf(request)
        if (rows.length < 2) return [request]
        const first =
          by.kind === 'halves' ? rows.slice(0, rows.length >> 1) : rows.filter(([at]) => !by.actions.includes(at))
        const parts = [requestOf(first), requestOf(rows.filter((row) => !first.includes(row)))]
        return whole ? parts.map((part) => ({ ...part, body: request.body })) : parts
      },
      async apply(request) {
        for (const [, id, fields] of rowsOf(request)) apply(account, id, fields)
        return request.actions.map(() => ({ status: 'accepted' }))
      },
      close: async () => ({}),
    }),
    close: async () => undefined,
  }
  const action = (n: number) => ({ kind: 'profile', identifiers: { id: `person-${n}` }, dataFields: { n } }) as const
  return {
    destination: made,
    action,
    again: (n) => ({ ...action(n), dataFields: { n: n + 1_000 } }),
    state: () => [...account.held].sort(),
  }
}
const put = ({ held }: Account, id: string, fields: JsonObject) => void held.set(id, fields)
const DESTINATIONS: Readonly<Record<string, () => DestinationSetup>> = {
  'accepts and does nothing': () => destination(() => undefined),
  'writes everybody to one record': () => destination((account, _, fields) => put(account, 'one', fields)),
  'keeps the first write of a person': (): DestinationSetup =>
    destination((account, id, fields) => void (account.held.has(id) || put(account, id, fields))),
  'drops the fields': () => destination((account, id) => put(account, id, {})),
  'gives each part of a split the whole body': () => destination(put, { whole: true }),
}

describe('a part that is broken does not pass its suite:', () => {
  test.each(Object.entries(STORES))('a store that %s', async (_, make) => {
    expect(await failures(storeConformance, async () => make())).not.toEqual([])
  })
  test.each(Object.entries(SOURCES))('a source that %s', async (_, make) => {
    expect(await failures(sourceConformance, async () => make())).not.toEqual([])
  })
  test.each(Object.entries(DESTINATIONS))('a destination that %s', async (_, make) => {
    expect(await failures(destinationConformance, async () => make())).not.toEqual([])
  })
})

describe('the same parts, when they are whole, do', () => {
  test('the store', async () => expect(await failures(storeConformance, async () => new Wrapped())).toEqual([]))
  test('the source', async () => expect(await failures(sourceConformance, async () => source())).toEqual([]))
  test('the destination', async () => {
    expect(await failures(destinationConformance, async () => destination(put))).toEqual([])
  })
})
