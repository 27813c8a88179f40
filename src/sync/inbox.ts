import { setImmediate } from 'node:timers/promises'
import { isLakeloopError, LakeloopError } from '../errors.js'
import { type Row, type RowBlock, rowBlock } from '../model/row.js'
import type { Json } from '../model/value.js'
import { type Key, keyPart, type Op, type Store } from '../stores/store.js'
import { checkpointKey, type Scope } from './checkpoint.js'
import type { Clock } from './clock.js'
import { hit } from './failpoint.js'
import { type KeptRows, padded } from './parked-rows.js'

/** How much may wait; default 100,000 rows and 256 MiB of JSON. */
export interface InboxBounds {
  readonly rowsMax?: number
  readonly bytesMax?: number
}

/** A row that was checked, and the size of its JSON. */
export interface Incoming {
  readonly row: Row
  readonly bytes: number
  /** When it changed at its origin, where its own column does not say so. */
  readonly changedAt?: string
}

/** What waits to be sent. */
export interface Waiting {
  readonly rows: number
  /** UTF-8 bytes of the rows as JSON. */
  readonly bytes: number
  /** When the oldest of them was pushed, in ms since 1970; left out where that was not looked up. */
  readonly oldestAt?: number
}

/**
 * What is kept of an inbox, and where:
 *
 *     inbox       project, sync, number       -> a row, in the order of the pushes
 *     inboxState  project, sync, pushed       -> how much was ever pushed: written by whoever pushes
 *     inboxState  project, sync, drained      -> how much of it has left: written by the run that takes it
 *     inboxState  project, sync, id, id       -> that a push of this id is kept, or was
 *     inboxState  project, sync, slot, number -> the ids in their order, so that the oldest is forgotten
 *
 * Pushes and runs write different records, so that neither ever makes the other try again.
 */
interface Pushed {
  /** The number of the next row. */
  readonly next: number
  readonly bytes: number
  /** Pushes with an id. */
  readonly ids: number
}

/** Behind the last row that has left: its number, and the bytes of all up to it. */
interface Drained {
  readonly next: number
  readonly bytes: number
}

interface KeptRow {
  readonly row: Row
  readonly at: number
  /** Bytes of all rows ever pushed, this one included. */
  readonly behind: number
  readonly changedAt?: string
}

const NONE_PUSHED: Pushed = { next: 0, bytes: 0, ids: 0 }
const NONE_DRAINED: Drained = { next: 0, bytes: 0 }

const ROWS_MAX = 100_000
const BYTES_MAX = 256 * 2 ** 20
/** Ids of pushes that are remembered. */
const IDS_MAX = 100_000
/** Each time that a commit is refused another push has come through. */
const ATTEMPTS_MAX = 1_000

/**
 * Rows that were pushed and that no run has finished yet: durable, in the order of the pushes, bounded.
 *
 * Needs no lease: any number of processes may push while one runs the sync.
 *
 * Upholds  I12.
 */
export class Inbox {
  readonly rowsMax: number
  readonly bytesMax: number
  readonly #store: Store
  readonly #scope: Scope
  readonly #clock: Clock
  readonly #idsMax: number
  readonly #listeners = new Set<(waiting: Waiting) => void>()
  #last: Promise<unknown> = Promise.resolve()

  constructor({
    store,
    scope,
    clock,
    rowsMax = ROWS_MAX,
    bytesMax = BYTES_MAX,
    idsMax = IDS_MAX,
  }: InboxBounds & {
    readonly store: Store
    readonly scope: Scope
    readonly clock: Clock
    readonly idsMax?: number
  }) {
    this.#store = store
    this.#scope = scope
    this.#clock = clock
    this.rowsMax = rowsMax
    this.bytesMax = bytesMax
    this.#idsMax = idsMax
  }

  /**
   * Puts rows behind all others, in one commit.
   *
   * Order   calls of one process in their order; those of several in the order of their commits.
   * Repeat  a push whose id is known adds nothing.
   * Throws  INBOX_FULL; what the store throws, and then nobody knows whether the rows are kept.
   */
  async append(rows: readonly Incoming[], id?: string): Promise<{ readonly added: number; readonly waiting: Waiting }> {
    const turn = this.#last.then(() => this.#append(rows, id))
    this.#last = turn.catch(() => undefined)
    return await turn
  }

  async #append(rows: readonly Incoming[], id: string | undefined) {
    for (let attempt = 1; ; attempt += 1) {
      const [pushed = NONE_PUSHED, drained = NONE_DRAINED, known] = await this.#read(id)
      const waiting = between(pushed, drained)
      if (known !== undefined || rows.length === 0) return { added: 0, waiting }
      this.#assertRoom(rows, waiting)
      try {
        FAILPOINT: hit('before-push')
        const after = await this.#write(rows, pushed, id)
        FAILPOINT: hit('after-push')
        const told = { ...between(after, drained), ...(waiting.rows === 0 ? { oldestAt: this.#clock.now() } : {}) }
        for (const listener of this.#listeners) listener(told)
        return { added: rows.length, waiting: told }
      } catch (error) {
        if (!isLakeloopError(error, 'STORE_CONFLICT') || attempt === ATTEMPTS_MAX) throw error
      }
    }
  }

  async #read(id: string | undefined) {
    const ids = id === undefined ? [] : [this.#key('id', keyPart(id))]
    const found = await this.#store.get('inboxState', [this.#key('pushed'), this.#key('drained'), ...ids])
    return found as unknown as readonly [Pushed | undefined, Drained | undefined, Json | undefined]
  }

  async #write(rows: readonly Incoming[], pushed: Pushed, id: string | undefined): Promise<Pushed> {
    const at = this.#clock.now()
    let { next, bytes } = pushed
    const puts = rows.map(({ row, bytes: own, changedAt }): Op => {
      bytes += own
      const kept: KeptRow = { row, at, behind: bytes, ...(changedAt === undefined ? {} : { changedAt }) }
      return { op: 'put', table: 'inbox', key: rowKey(this.#scope, next++), value: kept as unknown as Json }
    })
    const after: Pushed = { next, bytes, ids: pushed.ids + (id === undefined ? 0 : 1) }
    const state = { table: 'inboxState', key: this.#key('pushed') } as const
    await this.#store.commit([
      { op: 'check', ...state, is: pushed === NONE_PUSHED ? undefined : (pushed as unknown as Json) },
      { op: 'put', ...state, value: after as unknown as Json },
      ...(id === undefined ? [] : await this.#remember(keyPart(id), pushed.ids)),
      ...puts,
    ])
    return after
  }

  /** Ops that remember an id in the place of the oldest one. */
  async #remember(id: string, nth: number): Promise<readonly Op[]> {
    const slot = this.#key('slot', padded(nth % this.#idsMax))
    const [oldest] = await this.#store.get('inboxState', [slot])
    return [
      ...(typeof oldest === 'string'
        ? [{ op: 'delete', table: 'inboxState', key: this.#key('id', oldest) } as const]
        : []),
      { op: 'put', table: 'inboxState', key: slot, value: id },
      { op: 'put', table: 'inboxState', key: this.#key('id', id), value: nth },
    ]
  }

  #assertRoom(rows: readonly Incoming[], waiting: Waiting): void {
    const bytes = rows.reduce((sum, row) => sum + row.bytes, 0)
    const full = (option: string, held: string, more: string, limit: number) =>
      new LakeloopError('INBOX_FULL', { sync: this.#scope.sync, waiting: held, more, option, limit })
    if (waiting.rows + rows.length > this.rowsMax)
      throw full('rowsMax', `${waiting.rows} rows`, String(rows.length), this.rowsMax)
    if (waiting.bytes + bytes > this.bytesMax)
      throw full('bytesMax', `${waiting.bytes} bytes`, String(bytes), this.bytesMax)
  }

  /** What waits in the store now, also of what other processes have pushed. */
  async waiting(): Promise<Waiting> {
    const [oldest] = await this.#store.scan('inbox', { prefix: checkpointKey(this.#scope), limit: 1 })
    const [pushed = NONE_PUSHED, drained = NONE_DRAINED] = await this.#read(undefined)
    if (oldest === undefined) return { rows: 0, bytes: 0 }
    return { ...between(pushed, drained), oldestAt: (oldest.value as unknown as KeptRow).at }
  }

  /** Calls back after each push of this process, until the returned function is called. */
  onPush(listener: (waiting: Waiting) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #key(...parts: readonly string[]): Key {
    return stateKey(this.#scope, ...parts)
  }
}

/**
 * The rows that waited when the run began, in the order in which they were pushed. What is pushed meanwhile waits for the
 * next one, so that every run has an end.
 *
 * Upholds  I1, I4: rows leave in the commit that finishes their page. I6: newer than all that was read before them.
 */
export const inboxRows: KeptRows = async function* (context, { judging, pageSize, cursor }) {
  const { store, scope, commits, source } = context
  const state = [stateKey(scope, 'pushed'), stateKey(scope, 'drained')]
  const [pushed = NONE_PUSHED, drained = NONE_DRAINED] = (await store.get('inboxState', state)) as unknown as readonly [
    Pushed | undefined,
    Drained | undefined,
  ]
  const limit = Math.min(pageSize, 10_000)
  const end = padded(pushed.next)
  let rows = 0
  for (let after: Key | undefined; ; ) {
    const entries = await store.scan('inbox', { prefix: checkpointKey(scope), after, limit })
    const old = entries.filter(({ key }) => String(key.at(-1)) < end)
    const last = old.at(-1)
    if (last === undefined) break
    rows += old.length
    after = last.key
    const kept = old.map(({ value }) => value as unknown as KeptRow)
    const upTo =
      old.length < limit ? pushed : { next: Number(last.key.at(-1)) + 1, bytes: kept.at(-1)?.behind ?? drained.bytes }
    FAILPOINT: hit('after-inbox-read')
    yield {
      page: { schema: judging.before ?? { columns: [] }, rows: blockOf(kept, source), cursor, mode: 'changes' },
      done: [...old.map(({ key }): Op => ({ op: 'delete', table: 'inbox', key })), drainedOp(scope, upTo)],
    }
    if (old.length < limit) break
    await setImmediate() // stores and transforms that answer at once would never let the host's loop turn
  }
  // Rows that were erased have left without a run; while others are on their way, their pages tell.
  if (rows === 0 && drained.next < pushed.next) await commits.commit({ main: [drainedOp(scope, pushed)] })
}

function drainedOp(scope: Scope, { next, bytes }: Drained): Op {
  return { op: 'put', table: 'inboxState', key: stateKey(scope, 'drained'), value: { next, bytes } }
}

/** As the source would give them: by its key, and its column of changes. */
function blockOf(
  kept: readonly KeptRow[],
  { key, changedAt }: { readonly key?: readonly string[] | undefined; readonly changedAt?: string | undefined },
): RowBlock {
  const block = rowBlock(
    kept.map(({ row }) => row),
    { key, changedAt },
  )
  return { ...block, changedAt: (index) => block.changedAt(index) ?? kept[index]?.changedAt }
}

/** Every sync of a project that was ever pushed to, also where it has never run. Cost    one read a sync. */
export async function syncsWithInbox(store: Store, project: string): Promise<readonly string[]> {
  const names: string[] = []
  for (let after: Key | undefined; ; ) {
    const [entry] = await store.scan('inboxState', { prefix: [project], after, limit: 1 })
    if (entry === undefined) return names
    const sync = String(entry.key[1])
    names.push(sync)
    after = [project, sync, BEHIND_ALL]
  }
}

/** Behind the names of all records of a sync, of which there may be many. */
const BEHIND_ALL = '~'

const between = (pushed: Pushed, drained: Drained): { readonly rows: number; readonly bytes: number } => ({
  rows: Math.max(0, pushed.next - drained.next),
  bytes: Math.max(0, pushed.bytes - drained.bytes),
})

const rowKey = (scope: Scope, number: number): Key => [...checkpointKey(scope), padded(number)]

const stateKey = (scope: Scope, ...parts: readonly string[]): Key => [...checkpointKey(scope), ...parts]
