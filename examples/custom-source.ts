// A source of one's own: JSON lines in a text, one row a line. What a connector has to be is the contract in
// src/sources/source.ts; whether it is that, the conformance suite says.

import {
  type Column,
  LakeloopError,
  type Page,
  type ReadOptions,
  type Row,
  rowBlock,
  type Schema,
  type Source,
} from 'lakeloop'
import { sourceConformance } from 'lakeloop/testing'

// #region source
class JsonLinesSource implements Source {
  readonly name: string
  readonly key = ['id']
  readonly #lines: readonly string[]
  readonly #columns: readonly Column[]

  constructor(options: { readonly name: string; readonly text: string; readonly columns: readonly Column[] }) {
    this.name = options.name
    this.#lines = options.text.split('\n').filter((line) => line !== '')
    this.#columns = options.columns
  }

  async describe(): Promise<Schema> {
    return { columns: this.#columns }
  }

  /** The cursor is the number of lines read. Lines that are added later are new rows; so the pages are `changes`. */
  async *read({ after, pageSize = 2_000, signal }: ReadOptions): AsyncGenerator<Page> {
    const from = after === undefined ? 0 : after.line
    if (typeof from !== 'number') throw new LakeloopError('CURSOR_INVALID', { source: this.name })
    const schema = await this.describe()
    for (let at = from; at < this.#lines.length && !signal.aborted; at += pageSize) {
      const rows = this.#lines.slice(at, at + pageSize).map((line) => JSON.parse(line) as Row)
      const cursor = { line: at + rows.length }
      yield { schema, rows: rowBlock(rows, { key: this.key }), cursor, mode: 'changes' }
    }
  }

  async close(): Promise<void> {}
}
// #endregion

const rows: Row[] = [
  { id: 'c-1', score: 0.9 },
  { id: 'c-2', score: 0.4 },
  { id: 'c-3', score: null },
  { id: 'c-4', score: 0.7 },
]
const text = rows.map((row) => JSON.stringify(row)).join('\n')
const columns: Column[] = [
  { name: 'id', type: 'string', nullable: false },
  { name: 'score', type: 'double', nullable: true },
]

// #region conformance
for (const { name, run } of sourceConformance) {
  await run(async () => ({ source: new JsonLinesSource({ name: 'scores', text, columns }), rows, ordered: true }))
  console.log('ok', name.replace(/ \[.*/, ''))
}
// #endregion
// => ok read: pages of 1 to pageSize rows hold all rows, once
// => ok read: the same rows again in the same order, where an order is promised
// => ok read: goes on behind the cursor of any page but the last, where an order is promised
// => ok read: after any cursor no row is skipped that was not read before it
// => ok read: after the last cursor comes what is new, or everything again; never a part
// => ok read: each page of a read has a cursor of its own
// => ok read: two reads at once do not share a position, or the second is refused
// => ok read: no page is empty where there are rows, and all pages of a read have one mode
// => ok read: a cursor is plain JSON of at most 4 KiB
// => ok read: a cursor that is not its own is CURSOR_INVALID, and nothing is read
// => ok rows: `at` and `json` say the same, and a refused row is null in `json`
// => ok rows: keys are stable, and no two rows share one, where the source has a key
// => ok rows: each has a key and a time of change where the source declares them and the columns hold a value
// => ok describe: names the columns of the pages, or says that only reading tells
// => ok read: an aborted signal ends it
// => ok head: is where nothing is new, and as good as a cursor behind the last page, where the source has one
// => ok read: from the beginning gives all rows, whatever was read before it
// => ok close: twice is once

const source = new JsonLinesSource({ name: 'scores', text, columns })
for await (const page of source.read({ pageSize: 3, signal: new AbortController().signal })) {
  console.log(page.rows.length, 'rows up to line', page.cursor.line)
}
// => 3 rows up to line 3
// => 1 rows up to line 4
