import { type Cursor, DatabricksSource, type Row } from 'lakeloop'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Admin, lakeOptions, rowsOf } from './lake.js'

const HISTORIES = Number(process.env.LAKE_HISTORIES ?? 20)
const COMMITS = 30
const KEYS = 8
const FIRST_SEED = Number(process.env.LAW_SEED ?? Date.now() % 1_000_000)
const MODES = ['feed', 'rowTracking', 'watermark'] as const
type Mode = (typeof MODES)[number]

const admin = new Admin()
beforeAll(() => admin.schema('histories'))
afterAll(() => admin.close())

/** Numbers below `n` that a seed decides (a linear congruence, of which the high bits are taken). */
function drawing(seed: number): (n: number) => number {
  let state = seed >>> 0
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

/** A table under random commits, and what the rows of each mode have made of it so far. */
class History {
  readonly table: string
  readonly #draw: (n: number) => number
  readonly #alive = new Set<string>()
  readonly #sources: Readonly<Record<Mode, DatabricksSource>>
  readonly #cursors = new Map<Mode, Cursor>()
  readonly #rebuilt = new Map(MODES.map((mode) => [mode, new Map<string, Row>()]))
  #column = 'v'
  #wide = false
  #extra = 0

  constructor(seed: number) {
    this.#draw = drawing(seed)
    this.table = `main.histories.h${seed}`
    const options = { ...lakeOptions(), table: this.table, key: ['k'], changedAt: 'w', onReplaced: 'resync' } as const
    const made = (changes: Mode) => new DatabricksSource({ ...options, changes, overlapMs: 0 })
    this.#sources = { feed: made('feed'), rowTracking: made('rowTracking'), watermark: made('watermark') }
  }

  async begin(): Promise<void> {
    await admin.run(`CREATE TABLE ${this.table} (k STRING, v INT, w TIMESTAMP) TBLPROPERTIES (
      'delta.enableChangeDataFeed' = 'true', 'delta.enableRowTracking' = 'true', 'delta.columnMapping.mode' = 'name',
      'delta.enableTypeWidening' = 'true')`)
  }

  /** One commit, of a kind that is drawn; a row that changes gets a newer watermark, as a watermark column has to. */
  async commit(): Promise<string> {
    const [what, statement] = this.#next()
    await admin.run(statement)
    return what
  }

  #next(): readonly [string, string] {
    const key = `k${this.#draw(KEYS)}`
    const value = this.#draw(100)
    const kind = this.#draw(15)
    if (kind < 4) return this.#inserted(key, value)
    if (kind < 7) {
      const other = `k${this.#draw(KEYS)}`
      const set = `${this.#column} = ${value}, w = current_timestamp()`
      return ['UPDATE', `UPDATE ${this.table} SET ${set} WHERE k IN ('${key}', '${other}')`]
    }
    if (kind === 7) {
      this.#alive.delete(key)
      return ['DELETE', `DELETE FROM ${this.table} WHERE k = '${key}'`]
    }
    if (kind < 10) {
      this.#alive.add(key)
      const given = `(SELECT '${key}' AS k, ${value} AS n)`
      const change = `WHEN MATCHED THEN UPDATE SET ${this.#column} = s.n, w = current_timestamp()`
      const make = `WHEN NOT MATCHED THEN INSERT (k, ${this.#column}, w) VALUES (s.k, s.n, current_timestamp())`
      return ['MERGE', `MERGE INTO ${this.table} AS t USING ${given} AS s ON t.k = s.k ${change} ${make}`]
    }
    if (kind === 10) return ['OPTIMIZE', `OPTIMIZE ${this.table}`]
    if (kind === 11) {
      const before = this.#column
      this.#column = before === 'v' ? 'v2' : 'v'
      return ['RENAME', `ALTER TABLE ${this.table} RENAME COLUMN ${before} TO ${this.#column}`]
    }
    if (kind === 12 && !this.#wide) {
      this.#wide = true
      return ['WIDEN', `ALTER TABLE ${this.table} ALTER COLUMN ${this.#column} TYPE BIGINT`]
    }
    this.#extra += 1
    if (kind === 13) {
      this.#alive.delete(key)
      const set = `k = 'n${this.#extra}', w = current_timestamp()`
      return ['REKEY', `UPDATE ${this.table} SET ${set} WHERE k = '${key}'`]
    }
    return ['ADD', `ALTER TABLE ${this.table} ADD COLUMNS (extra${this.#extra} STRING)`]
  }

  #inserted(key: string, value: number): readonly [string, string] {
    if (this.#alive.has(key))
      return [
        'UPDATE',
        `UPDATE ${this.table} SET ${this.#column} = ${value}, w = current_timestamp() WHERE k = '${key}'`,
      ]
    this.#alive.add(key)
    const columns = `(k, ${this.#column}, w)`
    return ['INSERT', `INSERT INTO ${this.table} ${columns} VALUES ('${key}', ${value}, current_timestamp())`]
  }

  /** Reads on in one mode, in pages of a drawn size; a reader that dies between two pages begins again behind the first. */
  async readOn(mode: Mode): Promise<void> {
    const dies = this.#draw(3) === 0
    if (dies) await this.#read(mode, 1)
    await this.#read(mode, Number.POSITIVE_INFINITY)
  }

  async #read(mode: Mode, pagesMax: number): Promise<void> {
    const state = this.#rebuilt.get(mode) as Map<string, Row>
    const after = this.#cursors.get(mode)
    const pageSize = 1 + this.#draw(5)
    let pages = 0
    const signal = new AbortController().signal
    for await (const page of this.#sources[mode].read({ pageSize, signal, ...(after ? { after } : {}) })) {
      for (const row of rowsOf(page.rows)) {
        if (row._change_type === 'delete') state.delete(String(row.k))
        else state.set(String(row.k), row)
      }
      this.#cursors.set(mode, JSON.parse(JSON.stringify(page.cursor)) as Cursor)
      pages += 1
      if (pages >= pagesMax) return
    }
  }

  /** What a mode has rebuilt and what the table holds, of the rows that are still there: only the feed sees deletes. */
  async compared(mode: Mode): Promise<{ readonly rebuilt: object; readonly table: object }> {
    const rows = await admin.run(`SELECT k, CAST(${this.#column} AS BIGINT) AS v FROM ${this.table}`)
    const table = Object.fromEntries(rows.map(({ k, v }) => [String(k), v === null ? null : Number(v)]))
    const state = [...(this.#rebuilt.get(mode) as Map<string, Row>)]
    const kept = mode === 'feed' ? state : state.filter(([key]) => key in table)
    return { rebuilt: Object.fromEntries(kept.map(([key, { v, v2 }]) => [key, v ?? v2 ?? null])), table }
  }

  async close(): Promise<void> {
    for (const mode of MODES) await this.#sources[mode].close()
  }
}

test.concurrent.each(Array.from({ length: HISTORIES }, (_, at) => FIRST_SEED + at))(
  'the rows seen rebuild the table after 30 random commits (LAW_SEED=%i)',
  async (seed) => {
    const draw = drawing(seed ^ 0x5eed)
    const history = new History(seed)
    await history.begin()
    const done: string[] = []
    for (let commit = 1; commit <= COMMITS; commit++) {
      done.push(await history.commit())
      if (commit < COMMITS && draw(10) !== 0) continue
      for (const mode of MODES) {
        if (commit < COMMITS && draw(2) === 0) continue
        await history.readOn(mode)
        const { rebuilt, table } = await history.compared(mode)
        expect(rebuilt, `${mode} after ${done.join(', ')}`).toEqual(table)
      }
    }
    await history.close()
    await admin.run(`DROP TABLE ${history.table}`)
  },
)
