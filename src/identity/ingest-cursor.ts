import type { Cursor } from '../model/row.js'
import type { Json } from '../model/value.js'
import { type Key, keyPart, type Op, type Store } from '../stores/store.js'

/** Where the reading of one source into a graph stands. */
export type IngestCursor = {
  /** Behind the last page whose evidence is in the graph; null: a reading begins. */
  readonly cursor: Cursor | null
  /** The mapping that it counts for. */
  readonly mapping: string
  /** Of a mapping that takes out what a whole snapshot does not show. */
  readonly pass?: Pass
}

/** One reading of the source from its beginning to its end, interrupted or not. */
export type Pass = {
  readonly number: number
  /** Every page so far was a part of a snapshot, and every row had a key. */
  readonly whole: boolean
  /** Rows shown so far. */
  readonly rows: number
  readonly done?: true
}

/**
 * The row under which a cursor is kept, and what was shown in a pass.
 *
 *     identityCursor (graph, name)                 IngestCursor
 *     identitySeen   (graph, name, pass, key)      0: the pass has shown this record; gone with the end of the pass
 */
export class CursorPlace {
  readonly #store: Store
  readonly #key: Key
  #row: IngestCursor | undefined

  constructor(store: Store, graph: string, name: string) {
    this.#store = store
    this.#key = [graph, keyPart(name)]
  }

  /** As the store has it now. */
  async read(): Promise<IngestCursor | undefined> {
    const [row] = await this.#store.get('identityCursor', [this.#key])
    return row as IngestCursor | undefined
  }

  async open(): Promise<IngestCursor | undefined> {
    this.#row = await this.read()
    return this.#row
  }

  /** Holds while nobody else has moved the cursor: goes with every commit of a page. */
  get guard(): Op {
    return { op: 'check', table: 'identityCursor', key: this.#key, is: this.#row as Json | undefined }
  }

  /** True once somebody else has moved it. */
  async overtaken(): Promise<boolean> {
    return JSON.stringify(await this.read()) !== JSON.stringify(this.#row)
  }

  /** The op that moves the cursor; call {@link moved} once it is committed. */
  move(to: IngestCursor): Op {
    return { op: 'put', table: 'identityCursor', key: this.#key, value: to as object as Json }
  }

  moved(to: IngestCursor): void {
    this.#row = to
  }

  get prefix(): Key {
    return this.#key
  }

  seenPrefix(pass: Pass): Key {
    return [...this.#key, String(pass.number)]
  }

  seen(pass: Pass, part: string): Op {
    return { op: 'put', table: 'identitySeen', key: [...this.seenPrefix(pass), part], value: 0 }
  }
}
