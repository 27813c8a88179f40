import { hash } from 'node:crypto'
import type { Json, JsonObject } from '../model/value.js'
import type { Key, Op, Store } from '../stores/store.js'
import type { Scope } from './checkpoint.js'
import type { Order } from './order.js'
import { isSaidSince, partsLeft, type Said, type Since, sinceWith } from './said.js'
import type { UnderWay } from './under-way.js'

/**
 * What this sync wrote to one profile, in table `fingerprint` under its address. By address and not by row: two rows of
 * one person write to one profile, and the later one has to come again when the earlier one has changed. What is no profile
 * but may be written by several rows, such as an item of a catalog, has an entry with `since` alone.
 */
interface Written {
  /** Row (short) and fingerprint of the accepted writes, the last one last; where there are several, what fields each has. */
  readonly of: readonly (readonly [row: string, print: string, fields?: string])[]
  /** The pass that wrote last. */
  readonly epoch: string
  /** Only of what was accepted while something older was held back. */
  readonly since?: Since
}

/** Rows of one address that are remembered; what is dropped is only sent again. */
const ROWS_MAX = 32
const ADDRESS_MAX = 256

/** An address that is being looked at or written to: whoever has it need not look it up again. */
export interface Live {
  readonly address: string
  written: Written | undefined
  /** False until the store was asked. */
  known: boolean
  /** Writes without an outcome, and pages that look. */
  writes: number
  holders: number
}

/** What an accepted action has said, and when its row was read. */
export interface Word {
  readonly said: Said
  readonly order: Order
}

/** A write of a profile whose outcome is awaited. */
export interface ProfileWrite {
  readonly live: Live
  /** Short for row key and action; absent without a row key. */
  readonly row?: string | undefined
  readonly print?: string | undefined
  readonly order: Order
  /** Top-level names. */
  readonly fields: readonly string[]
}

/**
 * Knows which profile writes need not be sent again, and which must not be sent any more.
 *
 * Upholds  I1: an entry is written with the commit of its outcome. I6: a write that was held back is held against what was
 *          accepted since. I12: of addresses that nothing is on its way to, nothing stays in memory.
 */
export class AddressMemory {
  readonly #store: Store
  readonly #project: string
  readonly #sync: string
  readonly #epoch: string
  readonly #live = new Map<string, Live>()
  readonly #full: boolean
  readonly #underWay: UnderWay
  /** True once anything is parked: from then on it counts when a field was written. */
  parked: boolean
  /** True once rows are: of them nobody knows which are older versions of what was read since. */
  parkedRows: boolean

  /** @param options.full  what passes before this one wrote counts as unknown, so that all of it is sent again */
  constructor(options: {
    readonly store: Store
    readonly scope: Scope
    readonly epoch: string
    readonly parked: boolean
    readonly parkedRows: boolean
    readonly full: boolean
    readonly underWay: UnderWay
  }) {
    this.#store = options.store
    this.#project = options.scope.project
    this.#sync = options.scope.sync
    this.#epoch = options.epoch
    this.#full = options.full
    this.#underWay = options.underWay
    this.parked = options.parked
    this.parkedRows = options.parkedRows
  }

  /** Has the entries of these addresses at hand, in their order, until {@link release}. */
  async hold(addresses: readonly string[]): Promise<readonly Live[]> {
    const held = addresses.map((address) => this.live(address))
    for (const live of held) live.holders += 1
    const unknown = held.filter(({ known }) => !known)
    for (let at = 0; at < unknown.length; at += KEYS_MAX) {
      const asked = unknown.slice(at, at + KEYS_MAX)
      const entries = await this.#store.get(
        'fingerprint',
        asked.map(({ address }) => this.#key(address)),
      )
      asked.forEach((live, nth) => {
        if (!live.known) live.written = entries[nth] as unknown as Written | undefined
        live.known = true
      })
    }
    return held
  }

  release(held: readonly Live[]): void {
    for (const live of held) {
      live.holders -= 1
      this.#forget(live)
    }
  }

  /** True if the profile holds this already, and no other row was written over it in this pass. */
  isUnchanged(write: ProfileWrite): boolean {
    return write.print !== undefined && this.held(write) === write.print
  }

  /** The print of what this row wrote last, where the profile holds that: no other row was written over it in this pass. */
  held({ live: { address, written, writes }, row }: ProfileWrite): string | undefined {
    if (row === undefined || written === undefined || writes > 0 || this.#underWay.isUnsure(address)) return undefined
    const own = written.of.find(([name]) => name === row)
    const isOfThisPass = written.epoch === this.#epoch
    const counts = isOfThisPass ? written.of.at(-1)?.[0] === row : !this.#full
    return counts ? own?.[1] : undefined
  }

  /** The fields of a held-back write that nothing accepted since has written. */
  fieldsLeft({ live, order, fields }: ProfileWrite): readonly string[] {
    return partsLeft(live.written?.since ?? [], order, { kind: 'profile', parts: fields })
  }

  /** The parts of what was held back that nothing accepted since has said. Its target is at hand: see {@link hold}. */
  left(said: Said, order: Order): readonly string[] {
    return partsLeft(this.#live.get(said.target)?.written?.since ?? [], order, said)
  }

  /** True if anything was accepted for this address from a row that was read later. */
  isOvertaken(address: string, order: Order): boolean {
    return isSaidSince(this.#live.get(address)?.written?.since ?? [], order)
  }

  /**
   * The ops that remember what was accepted besides profiles, to hold older words against it; none while nothing is held back.
   *
   * Order   the targets stay at hand until `release`, which is called once the ops are committed.
   */
  async say(words: readonly Word[]): Promise<{ readonly ops: readonly Op[]; readonly release: () => void }> {
    if (!this.parked || words.length === 0) return { ops: NO_OPS, release: () => undefined }
    const held = await this.hold([...new Set(words.map(({ said }) => said.target))])
    const lives = new Map(held.map((live) => [live.address, live]))
    for (const { said, order } of words) {
      const live = lives.get(said.target) as Live
      const { since = [], ...written } = live.written ?? { of: [], epoch: this.#epoch }
      live.written = { ...written, since: sinceWith(since, order, said) }
    }
    return { ops: held.map((live) => this.#put(live)), release: () => this.release(held) }
  }

  /** A write is on its way. */
  sent({ live }: ProfileWrite): void {
    live.writes += 1
  }

  /** The ops that remember an accepted write. */
  accepted(write: ProfileWrite): readonly Op[] {
    if (write.row === undefined && !this.parked) return NO_OPS
    const { live } = write
    const { of = [], since = [] } = live.written ?? {}
    const rows = rowsWith(of, write)
    const last: Written = { of: rows.length > ROWS_MAX ? rows.slice(-ROWS_MAX) : rows, epoch: this.#epoch }
    const said = { kind: 'profile', parts: write.fields } as const
    live.written = this.parked ? { ...last, since: sinceWith(since, write.order, said) } : last
    this.#underWay.settled(live.address)
    return [this.#put(live)]
  }

  #put({ address, written }: Live): Op {
    return { op: 'put', table: 'fingerprint', key: this.#key(address), value: written as unknown as Json }
  }

  /** The op that forgets what was written to somebody who is gone. */
  gone(address: string): Op {
    const live = this.#live.get(address)
    if (live !== undefined) live.written = undefined
    return { op: 'delete', table: 'fingerprint', key: this.#key(address) }
  }

  /** A write has its outcome, and what it led to is committed. */
  settled({ live }: ProfileWrite): void {
    live.writes -= 1
    this.#forget(live)
  }

  /** Row and fingerprint of the write that each of these profiles holds; `undefined` where it holds several, or none. Asks the store. */
  async onlyWrites(
    addresses: readonly string[],
  ): Promise<readonly (readonly [row: string, print: string] | undefined)[]> {
    const entries = await this.#store.get(
      'fingerprint',
      addresses.map((address) => this.#key(address)),
    )
    return entries.map((entry) => {
      const { of = [] } = (entry as unknown as Written | undefined) ?? {}
      const [first, ...more] = of
      return first === undefined || more.length > 0 ? undefined : [first[0], first[1]]
    })
  }

  /** The ops that move an entry along with its profile. One that stands there already is of another past: both go. */
  async moved(from: string, to: string): Promise<readonly Op[]> {
    const [was, is] = await this.#store.get('fingerprint', [this.#key(from), this.#key(to)])
    if (was === undefined) return []
    const gone: Op = { op: 'delete', table: 'fingerprint', key: this.#key(from) }
    if (is === undefined) return [gone, { op: 'put', table: 'fingerprint', key: this.#key(to), value: was }]
    const { since } = was as unknown as Written
    if (since === undefined) return [gone, { op: 'delete', table: 'fingerprint', key: this.#key(to) }]
    const left = { of: [], epoch: this.#epoch, since } // older words that are held back stay older
    return [gone, { op: 'put', table: 'fingerprint', key: this.#key(to), value: left as unknown as Json }]
  }

  /** For a write to an address that nobody needs to have at hand; it stays while one is on its way. */
  live(address: string): Live {
    const known = this.#live.get(address)
    if (known !== undefined) return known
    const live: Live = { address, written: undefined, known: false, writes: 0, holders: 0 }
    this.#live.set(address, live)
    return live
  }

  #forget(live: Live): void {
    if (live.writes === 0 && live.holders === 0) this.#live.delete(live.address)
  }

  #key(address: string): Key {
    const name = address.length <= ADDRESS_MAX ? address : longAddress(address)
    return [this.#project, this.#sync, name, 'address']
  }
}

/** Stands in a key for an address that is too long for one. */
export const longAddress = (address: string): string => `#${hash('sha256', address)}`

/** Keys that one call to a store may name. Source: the contract in stores/store.ts. */
const KEYS_MAX = 10_000

const NO_OPS: readonly Op[] = []

/** The fields of a profile that are left of it; what a payload does not have is removed. */
export const onlyFields = (dataFields: JsonObject, left: readonly string[]): JsonObject =>
  Object.fromEntries(left.map((field) => [field, dataFields[field] ?? null]))

/**
 * The writes that the profile holds once this one is there too. Where its row had other fields before, a field that it has dropped
 * holds what nobody says any more: the other rows are sent anew when they are read next.
 */
function rowsWith(of: Written['of'], { row, print = '', fields }: ProfileWrite): Written['of'] {
  if (of.length === 0) return row === undefined ? [] : [[row, print]]
  const others = of.filter(([name]) => name !== row)
  if (row === undefined) return others
  const former = of.find(([name]) => name === row)
  if (others.length === 0 && former?.[2] === undefined) return [[row, print]]
  const named = fieldsMark(fields)
  const isAsBefore = former === undefined || former[2] === named || former[1] === print
  return [...(isAsBefore ? others : []), [row, print, named]]
}

const marks = new WeakMap<readonly string[], string>()

/** 36 bits for a set of names; the same for the same. */
function fieldsMark(fields: readonly string[]): string {
  const known = marks.get(fields)
  if (known !== undefined) return known
  const mark = hash('sha256', JSON.stringify([...fields].sort()), 'base64url').slice(0, 6)
  marks.set(fields, mark)
  return mark
}

/** Names one action of one row in an entry: 48 bits, so that an entry stays small. */
export const shortRow = (key: Key): string => hash('sha256', textOf(key), 'base64url').slice(0, 8)

/** JSON of the parts behind project and sync. */
function textOf(key: Key): string {
  const [, , row = '', what = ''] = key
  return key.length === 4 && PLAIN.test(row) && PLAIN.test(what) ? `["${row}","${what}"]` : JSON.stringify(key.slice(2))
}

/** What JSON writes as it is. */
const PLAIN = /^[\w .:@#+-]*$/
