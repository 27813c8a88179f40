import { randomBytes } from 'node:crypto'
import { LakeloopError } from '../../errors.js'
import type { Key, Op, Store } from '../../stores/store.js'
import type { ListRecord } from '../list-state.js'
import type { KeptAnew } from './compare.js'
import { ALL, DELETES_PER_COMMIT, dropBlocks, KINDS, keptKey, logKey, logOp, PARTS } from './kept.js'

const KEY_BYTES = 16

export interface LogOptions {
  readonly store: Store
  /** Project and list. */
  readonly list: Key
  readonly owner: string
  readonly record: ListRecord | undefined
  readonly fence: readonly Op[]
}

/** What one plan writes of a list: blocks of the log, numbered from 0, and the record of the list. */
export class Log {
  /** The number of this plan. */
  readonly nth: number
  /** Of the fingerprints of the list, as random bytes. */
  readonly key: Buffer
  readonly #options: LogOptions
  #record: ListRecord | undefined
  #blocks = 0

  constructor(options: LogOptions) {
    this.#options = options
    this.#record = options.record
    this.nth = (options.record?.nth ?? 0) + 1
    const { whole } = options.record ?? {}
    if (whole !== undefined && whole.macKey === undefined) {
      throw new LakeloopError('STORE_FAILED', {
        problem: 'a list of whole audiences was kept by a version before 0.1.0',
      })
    }
    this.key = whole === undefined ? randomBytes(KEY_BYTES) : Buffer.from(whole.macKey, 'base64')
  }

  /**
   * From now on a plan that began before writes nothing, so that what is read of the list afterwards stays all that is known of
   * it. Throws STORE_CONFLICT where another has planned the list meanwhile, or the fence does not hold.
   */
  async begin(): Promise<void> {
    await this.#change({})
  }

  /** Holds until another plans the list. */
  get fence(): readonly Op[] {
    return [...this.#options.fence, recordIs(this.#options.list, this.#record)]
  }

  /** A place for one block. */
  next(): number {
    this.#blocks += 1
    return this.#blocks - 1
  }

  /** Writes a block at a place. Throws as `begin`. */
  async write(n: number, records: Buffer): Promise<Key> {
    const { store, list } = this.#options
    await store.commit([...this.fence, logOp(list, { nth: this.nth, n }, records)])
    return logKey(list, this.nth, n)
  }

  /** What is kept was written anew, up to the plan before this one: the log of those plans is of no use any more. */
  async kept(kept: KeptAnew): Promise<void> {
    const { store, list } = this.#options
    await this.#change({ whole: { ...kept, macKey: this.key.toString('base64') } })
    const { fence } = this
    const upTo = this.nth - 1
    await dropBlocks(store, [...list, 'log'], { isGone: (key) => Number(key.at(-2)) <= upTo, fence })
    if (kept.parts === PARTS)
      for (const kind of KINDS) await dropBlocks(store, keptKey(list, kind, ALL), { isGone: () => true, fence })
  }

  /** The audience of this epoch was decided about. */
  async decided(epoch: string): Promise<void> {
    await this.#change({ epoch })
  }

  async drop(blocks: readonly Key[]): Promise<void> {
    for (let at = 0; at < blocks.length; at += DELETES_PER_COMMIT) {
      const some = blocks.slice(at, at + DELETES_PER_COMMIT)
      const ops = some.map((key): Op => ({ op: 'delete', table: 'audience', key }))
      await this.#options.store.commit([...this.fence, ...ops])
    }
  }

  async #change(change: Partial<ListRecord>): Promise<void> {
    const { store, owner, list } = this.#options
    const known = this.#record ?? {
      owner,
      epoch: '',
      nth: 0,
      next: 0,
      whole: { parts: 1, bytes: 0, macKey: this.key.toString('base64') },
    }
    const after: ListRecord = { ...known, ...change, nth: this.nth }
    await store.commit([...this.fence, { op: 'put', table: 'list', key: list, value: { ...after } as never }])
    this.#record = after
  }
}

/** An op that holds while the record of a list is as it was read. */
export const recordIs = (list: Key, record: ListRecord | undefined): Op => ({
  op: 'check',
  table: 'list',
  key: list,
  is: record as never,
})
