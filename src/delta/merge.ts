import { setImmediate } from 'node:timers/promises'
import { LakeloopError } from '../errors.js'
import { compareBytes } from '../model/byte-order.js'
import type { Json } from '../model/value.js'
import type { Entry, Key, Store, Table } from '../stores/store.js'
import type { MemberState } from './list-state.js'

/** One address of a list: who wants it there, and what the destination is known to have. */
export interface Standing {
  readonly address: string
  /** Whether a claim that counts names it. */
  readonly target: boolean
  /** Claimants whose claims name it and do not count. */
  readonly absent: readonly string[]
  readonly state: MemberState | undefined
}

const NOBODY: readonly string[] = []

/** Entries held in memory per side. One page of a scan, so that the host's loop is not held longer. */
const PAGE = 2_000

/** Whether a claim counts, by its claimant and its number. */
export type Counting = (claimant: string, claim: number) => boolean

export interface MergeOptions {
  readonly store: Store
  /** Project and list. */
  readonly list: Key
  readonly counts: Counting
}

/**
 * Claims and memberships of a list, side by side, in pages.
 *
 * Order    ascending by UTF-8 bytes of the address, each address once. Checked on every row: another order on one side
 *          would pass off members as leavers.
 * Repeat   what is committed for addresses already given does not disturb those to come.
 * Throws   STORE_FAILED where a store gives rows out of order.
 * Cost     memory for two pages of entries, whatever the size of the list.
 */
export async function* standings({ store, list, counts }: MergeOptions): AsyncGenerator<readonly Standing[]> {
  const claims = new Reader(store, 'claimByAddress', list)
  const members = new Reader(store, 'membership', list)
  let page: Standing[] = []
  for (;;) {
    const claimed = claims.head ?? (await claims.fill())
    const member = members.head ?? (await members.fill())
    const address = lower(claimed, member)
    if (address === undefined) break
    let target = false
    let absent = NOBODY
    for (let claim = claimed; claim?.address === address; claim = claims.head ?? (await claims.fill())) {
      if (counts(claim.claimant, claim.value as number)) target = true
      else absent = [...absent, claim.claimant]
      claims.next()
    }
    const state = member?.address === address ? (member.value as MemberState) : undefined
    if (state !== undefined) members.next()
    page.push({ address, target, absent, state })
    if (page.length === PAGE) {
      yield page
      page = []
      await setImmediate() // stores that answer at once would never let the host's loop turn
    }
  }
  if (page.length > 0) yield page
}

function lower(a: Head | undefined, b: Head | undefined): string | undefined {
  if (a === undefined || b === undefined) return (a ?? b)?.address
  return compareBytes(a.address, b.address) <= 0 ? a.address : b.address
}

interface Head {
  readonly address: string
  /** Empty for a membership. */
  readonly claimant: string
  readonly value: Json
}

/** One side, read page by page. */
class Reader {
  readonly #store: Store
  readonly #table: Table
  readonly #prefix: Key
  #page: readonly Entry[] = []
  #at = 0
  #ended = false
  head: Head | undefined

  constructor(store: Store, table: Table, prefix: Key) {
    this.#store = store
    this.#table = table
    this.#prefix = prefix
  }

  /** The next row, from the store where the page is used up; `undefined` at the end. */
  async fill(): Promise<Head | undefined> {
    if (this.#at === this.#page.length && !this.#ended) {
      const after = this.#page.at(-1)?.key
      const page = await this.#store.scan(this.#table, { prefix: this.#prefix, after, limit: PAGE })
      if (after !== undefined && page[0] !== undefined) this.#assertRising(after, page[0].key)
      this.#page = page
      this.#at = -1
      this.#ended = page.length < PAGE
      this.next()
    }
    return this.head
  }

  next(): void {
    const before = this.#page[this.#at]
    this.#at += 1
    const entry = this.#page[this.#at]
    if (before !== undefined && entry !== undefined) this.#assertRising(before.key, entry.key)
    this.head = entry && { address: entry.key[2] as string, claimant: entry.key[3] ?? '', value: entry.value }
  }

  #assertRising(before: Key, after: Key): void {
    const byAddress = compareBytes(before[2] as string, after[2] as string)
    if (byAddress < 0 || (byAddress === 0 && compareBytes(before[3] ?? '', after[3] ?? '') < 0)) return
    throw new LakeloopError('STORE_FAILED', {
      problem: `the rows of ${this.#table} are not in the order of their bytes`,
    })
  }
}
