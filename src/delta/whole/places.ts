import { setImmediate } from 'node:timers/promises'
import {
  ABSENT,
  addressAt,
  claimantAt,
  endAt,
  hashAt,
  isClaimed,
  MEMBER,
  markAt,
  type State,
  sameAddress,
  sameClaimant,
  stateAt,
  viewOf,
  WISH_IN,
  WISH_OUT,
} from './record.js'

const BLOCKS_MAX = WISH_OUT

/** How a claim came to be: kept and not shown yet, kept and shown, made by a wish. */
type Claimed = 'kept' | 'shown' | 'made'

/** An address of which more is to be said than that one claimant holds it and it is a member. */
export interface Entry {
  readonly hash: number
  state: State
  readonly claims: Map<string, Claimed>
  /** The mark of the records that it was last told by. */
  mark: number
  /** Whether anything of it is kept. */
  kept: boolean
}

/** What a slot says of its address, in its lowest bits; above them, where the record of the address begins, and one. */
const FREE = 0
const UNSEEN = 1
const SEEN = 2
/** Its entry says it. */
const ENTRY = 3
const FLAG = 3
const FLAG_BITS = 2

const SLOTS_LEAST = 1_024

/** Slots, and entries or records, between two turns of the host's loop. */
const SLOTS_PER_TURN = 32_768
export const RECORDS_PER_TURN = 2_048

/**
 * All that is known of the addresses of one part of a list, and what wishes say of them.
 *
 * A record of a block of the log replaces what was told of its address before that block. Nearly every address is a member
 * that one claimant holds: it costs a slot of four bytes, and is compared as bytes.
 */
export class Places {
  readonly entries = new Map<string, Entry>()
  readonly bytes: Buffer
  readonly #view: DataView
  #slots: Int32Array
  /** The number of the last slot; a power of two less one. */
  #last: number
  #used = 0

  /** @param bytes  records, one behind the other; of each address those kept, those of the log in its order, wishes in theirs */
  constructor(bytes: Buffer, records: number) {
    this.bytes = bytes
    this.#view = viewOf(bytes)
    let size = SLOTS_LEAST
    while (size < records * 1.5) size *= 2
    this.#slots = new Int32Array(size)
    this.#last = size - 1
  }

  /** Takes in what is told between two places, in its order, but for the blocks before `least`. */
  async tell(from: number, end: number, least: number): Promise<void> {
    for (let at = from, n = 1; at < end; at = endAt(this.#view, at), n += 1) {
      const mark = markAt(this.#view, at)
      if (mark < BLOCKS_MAX && mark >= least) this.#told(at, mark)
      if (n % RECORDS_PER_TURN === 0) await setImmediate()
    }
  }

  /** Takes in the wishes behind `from`, in their order. */
  async wish(from: number): Promise<void> {
    const { bytes } = this
    for (let at = from, n = 1; at < bytes.length; at = endAt(this.#view, at), n += 1) {
      const mark = markAt(this.#view, at)
      if (mark === WISH_IN) this.#wished(at)
      else if (mark === WISH_OUT) this.#unwished(at)
      if (n % RECORDS_PER_TURN === 0) await setImmediate()
    }
  }

  /**
   * Hands out every address: a member with one claimant by its record and whether it was shown, the others by their entry.
   */
  async each(
    member: (at: number, shown: boolean) => void,
    entry: (address: string, entry: Entry) => void,
  ): Promise<void> {
    for (let slot = 0; slot <= this.#last; slot += 1) {
      const flag = this.#flag(slot)
      if (flag === UNSEEN || flag === SEEN) member(this.#at(slot), flag === SEEN)
      if ((slot + 1) % SLOTS_PER_TURN === 0) await setImmediate()
    }
    let n = 0
    for (const [address, one] of this.entries) {
      entry(address, one)
      n += 1
      if (n % RECORDS_PER_TURN === 0) await setImmediate()
    }
  }

  #told(at: number, mark: number): void {
    const { bytes } = this
    const slot = this.#slotOf(at)
    const flag = this.#flag(slot)
    const isPlain = stateAt(this.#view, at) === MEMBER && isClaimed(this.#view, at)
    if (flag !== FREE) {
      const again = flag === ENTRY ? this.entries.get(addressAt(bytes, at))?.mark === mark : this.#isOf(slot, mark)
      if (again) {
        this.#add(this.#entryAt(slot), at, 'kept')
        return
      }
      if (flag === ENTRY) this.entries.delete(addressAt(bytes, at))
    }
    this.#fill(slot, at, isPlain ? UNSEEN : ENTRY)
    if (isPlain) return
    const hash = hashAt(this.#view, at)
    const entry: Entry = { hash, state: stateAt(this.#view, at), claims: new Map(), mark, kept: true }
    this.entries.set(addressAt(bytes, at), entry)
    this.#add(entry, at, 'kept')
  }

  #wished(at: number): void {
    const slot = this.#slotOf(at)
    const flag = this.#flag(slot)
    if ((flag === UNSEEN || flag === SEEN) && sameClaimant(this.#view, at, this.#at(slot))) {
      this.#mark(slot, SEEN)
      return
    }
    const { claims } = flag === FREE ? this.#newEntry(slot, at) : this.#entryAt(slot)
    const claimant = claimantAt(this.bytes, at)
    const before = claims.get(claimant)
    claims.set(claimant, before === undefined || before === 'made' ? 'made' : 'shown')
  }

  /** Makes room, so that `slot` means nothing afterwards. */
  #newEntry(slot: number, at: number): Entry {
    const hash = hashAt(this.#view, at)
    const entry: Entry = { hash, state: ABSENT, claims: new Map(), mark: WISH_IN, kept: false }
    this.entries.set(addressAt(this.bytes, at), entry)
    this.#fill(slot, at, ENTRY)
    return entry
  }

  /** A wish that somebody be on no list is no claim: what it said of the same place before does not count. */
  #unwished(at: number): void {
    const slot = this.#slotOf(at)
    const flag = this.#flag(slot)
    if (flag === SEEN && sameClaimant(this.#view, at, this.#at(slot))) this.#mark(slot, UNSEEN)
    if (flag !== ENTRY) return
    const { claims } = this.#entryAt(slot)
    const claimant = claimantAt(this.bytes, at)
    if (claims.get(claimant) === 'made') claims.delete(claimant)
    else if (claims.has(claimant)) claims.set(claimant, 'kept')
  }

  #isOf(slot: number, mark: number): boolean {
    return markAt(this.#view, this.#at(slot)) === mark
  }

  #add(entry: Entry, at: number, how: Claimed): void {
    if (isClaimed(this.#view, at)) entry.claims.set(claimantAt(this.bytes, at), how)
  }

  /** The entry of an address, made from its record where it had none. */
  #entryAt(slot: number): Entry {
    const { bytes } = this
    const at = this.#at(slot)
    const address = addressAt(bytes, at)
    const known = this.entries.get(address)
    if (known !== undefined) return known
    const entry: Entry = {
      hash: hashAt(this.#view, at),
      state: stateAt(this.#view, at),
      claims: new Map(),
      mark: markAt(this.#view, at),
      kept: true,
    }
    this.#add(entry, at, this.#flag(slot) === SEEN ? 'shown' : 'kept')
    this.entries.set(address, entry)
    this.#mark(slot, ENTRY)
    return entry
  }

  #flag(slot: number): number {
    return (this.#slots[slot] as number) & FLAG
  }

  /** Where the record begins by which a slot knows its address. */
  #at(slot: number): number {
    return ((this.#slots[slot] as number) >>> FLAG_BITS) - 1
  }

  #mark(slot: number, flag: number): void {
    this.#slots[slot] = ((this.#slots[slot] as number) & ~FLAG) | flag
  }

  #fill(slot: number, at: number, flag: number): void {
    const isNew = this.#slots[slot] === FREE
    this.#slots[slot] = ((at + 1) << FLAG_BITS) | flag
    if (!isNew) return
    this.#used += 1
    if (this.#used * 1.4 > this.#last) this.#grow()
  }

  /** The slot of the address of a record: where it stands, or the free one where it belongs. */
  #slotOf(at: number): number {
    let slot = hashAt(this.#view, at) & this.#last
    while (this.#slots[slot] !== FREE && !sameAddress(this.#view, at, this.#at(slot))) slot = (slot + 1) & this.#last
    return slot
  }

  #grow(): void {
    const slots = this.#slots
    this.#slots = new Int32Array(slots.length * 2)
    this.#last = this.#slots.length - 1
    for (const full of slots) {
      if (full === FREE) continue
      let slot = hashAt(this.#view, (full >>> FLAG_BITS) - 1) & this.#last
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & this.#last
      this.#slots[slot] = full
    }
  }
}
