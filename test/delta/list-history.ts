import { type ListChunk, type ListDelta, ListDeltaComputer, type Wish } from '../../src/delta/list-delta.js'
import type { ListRef } from '../../src/model/action.js'
import { compareBytes } from '../../src/model/byte-order.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { Store } from '../../src/stores/store.js'
import { type Guard, ListModel, type Said } from './list-model.js'
import { Crash, MortalStore } from './mortal-store.js'

/** Numbers below `n` that a seed decides (mulberry32). */
export type Dice = (n: number) => number

export function diceOf(seed: number): Dice {
  let state = seed >>> 0
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n)
  }
}

/** What a history may meet; a test counts how often each was met. */
export const FAULTS = [
  'snapshot incomplete',
  'snapshot failed',
  'snapshot empty',
  'claimant undecided',
  'row rejected',
  'address shared',
  'page again',
  'pass resumed',
  'email changed, moved there',
  'email changed, not moved there',
  'died while noting',
  'died while planning',
  'died while intending',
  'died between intent and call',
  'died between call and settling',
  'died while settling',
  'died while comparing',
  'compared',
  'member not shown yet',
  'changed by others',
  'answer lost, not applied',
  'answer lost, applied',
  'call threw',
  'row refused',
  'removal refused',
  'row without an outcome',
  'left half-way',
  'guard held',
] as const
export type FaultName = (typeof FAULTS)[number]

const LISTS: readonly ListRef[] = ['at-risk', 7]
const CLAIMANTS = 9
/** Fewer than claimants, so that some share one; their orders by UTF-8, by UTF-16 and by locale differ. */
const ADDRESSES = ['a', 'B', 'é', '\uff21', '😀', 'z'].map((name) => `${name}@x`)
const SCOPE = { project: 'prod', owner: 'churn' }

/** One reading of a source: what it says, list by list, and whether that is everybody. */
interface Reading {
  readonly epoch: string
  readonly pages: readonly (readonly (Said & { readonly list: ListRef })[])[]
  readonly complete: boolean
  /** Pages that are noted for sure. */
  noted: number
  /** It died where only going on with the same reading tells what was decided. */
  mustGoOn: boolean
  /** By hand, without a sync: each list is planned with its own wishes. */
  readonly alone: boolean
}

class CallThrew extends Error {}

/**
 * A random life of two lists: what rows say, what goes wrong, and what the destination has. Everything is compared with
 * the oracle as it happens, and the lists with the rows at the end.
 */
export class History {
  readonly #dice: Dice
  readonly #met: (fault: FaultName) => void
  readonly #base: Store
  readonly #guard: Guard
  readonly #models = new Map(LISTS.map((list) => [list, new ListModel()]))
  readonly #members = new Map(LISTS.map((list) => [list, new Set<string>()]))
  /** What the rows are about: who exists, where, and on which lists. */
  readonly #people = new Map<string, { address: string; on: ReadonlySet<ListRef> }>()
  readonly #refused = new Set<string>()
  /** Whom somebody else put on a list. */
  readonly #strangers = new Map(LISTS.map((list) => [list, new Set<string>()]))
  #reading: Reading | undefined
  #readings = 0
  #calm = false

  constructor(base: Store, { dice, met }: { dice: Dice; met: (fault: FaultName) => void }) {
    this.#base = base
    this.#dice = dice
    this.#met = met
    this.#guard = dice(3) > 0 ? { removedShareMax: 1, removedFreely: 0 } : { removedShareMax: 0.5, removedFreely: 1 }
  }

  async live(): Promise<void> {
    for (let steps = 4 + this.#dice(8); steps > 0; steps -= 1) await this.#step()
    this.#calm = true
    for (const list of LISTS) if (this.#model(list).spokenOf) await this.#compare(list)
    if (this.#reading !== undefined) await this.#run(this.#reading)
    // A snapshot of nobody decides nothing: what is open is then left to a run without one.
    await this.#run(this.#people.size > 0 ? this.#snapshot() : this.#readingOf([], false))
    for (const list of LISTS) await this.#assertSettled(list)
  }

  async #step(): Promise<void> {
    const open = this.#reading
    if (open !== undefined && (open.mustGoOn || this.#dice(2) === 0)) {
      this.#met('pass resumed')
      return await this.#run(open)
    }
    this.#reading = undefined
    const kind = this.#dice(23)
    if (kind < 4) return await this.#changeEmail()
    if (kind > 20) return await this.#compare(LISTS[this.#dice(LISTS.length)] as ListRef)
    if (kind > 19) return this.#others()
    this.#time()
    if (kind < 10) return await this.#run(this.#snapshot())
    if (kind < 12) {
      this.#met('snapshot incomplete')
      return await this.#run({ ...this.#snapshot(), complete: false })
    }
    if (kind < 14) return await this.#failedSnapshot()
    if (kind < 15) {
      this.#met('snapshot empty')
      return await this.#run(this.#readingOf([], true))
    }
    return await this.#run(this.#changes())
  }

  /** Somebody comes, goes, moves or changes their mind. */
  #time(): void {
    for (let times = this.#dice(5); times > 0; times -= 1) {
      const claimant = String(this.#dice(CLAIMANTS))
      if (this.#dice(4) === 0) this.#people.delete(claimant)
      else {
        const address = ADDRESSES[this.#dice(ADDRESSES.length)] as string
        this.#people.set(claimant, { address, on: new Set(LISTS.filter(() => this.#dice(4) > 0)) })
      }
    }
  }

  /** Everybody there is, some of them undecided or rejected, on pages in no order. */
  #snapshot(): Reading {
    const rows = [...this.#people.keys()].sort(() => this.#dice(3) - 1).flatMap((claimant) => this.#rowsOf(claimant))
    return this.#readingOf(rows, true)
  }

  #changes(): Reading {
    const rows = Array.from({ length: this.#dice(5) }, () => String(this.#dice(CLAIMANTS)))
    return this.#readingOf(
      rows.flatMap((claimant) => this.#rowsOf(claimant)),
      false,
    )
  }

  #rowsOf(claimant: string): (Said & { list: ListRef })[] {
    const person = this.#people.get(claimant)
    const luck = this.#calm ? 9 : this.#dice(10)
    if (person === undefined)
      return LISTS.map((list) => ({ list, claimant, address: ADDRESSES[0] as string, member: false }))
    if (luck === 0) this.#met('claimant undecided')
    if (luck === 1) this.#met('row rejected')
    return LISTS.map((list) => {
      if (luck === 0) return { list, claimant }
      if (luck === 1) return { list, claimant, address: person.address }
      return { list, claimant, address: person.address, member: person.on.has(list) }
    })
  }

  #readingOf(rows: readonly (Said & { list: ListRef })[], complete: boolean): Reading {
    const pages = []
    for (let at = 0; at < rows.length; ) {
      const size = 1 + this.#dice(8)
      pages.push(rows.slice(at, at + size))
      at += size
    }
    this.#readings += 1
    return { epoch: `e${this.#readings}`, pages, complete, noted: 0, mustGoOn: false, alone: this.#dice(5) === 0 }
  }

  /** Its source breaks off: nothing is planned, and the next reading is another one. */
  async #failedSnapshot(): Promise<void> {
    this.#met('snapshot failed')
    const reading = this.#snapshot()
    const store = new MortalStore(this.#base)
    for (const page of reading.pages.slice(0, this.#dice(reading.pages.length + 1))) {
      await this.#note(store, page, reading.epoch)
    }
  }

  /** Somebody else puts people on a list, or takes them off. */
  #others(): void {
    const address = ADDRESSES[this.#dice(ADDRESSES.length)] as string
    const list = LISTS[this.#dice(LISTS.length)] as ListRef
    this.#met('changed by others')
    if (this.#members.get(list)?.delete(address) === false) {
      this.#members.get(list)?.add(address)
      this.#strangers.get(list)?.add(address)
    }
  }

  /** The list is compared with what the destination shows, which may be late. */
  async #compare(list: ListRef): Promise<void> {
    const store = new MortalStore(this.#base)
    if (!this.#calm && this.#dice(4) === 0) store.dieSoon(this.#dice, 'while comparing')
    store.when = 'while comparing'
    const late = (): boolean => !this.#calm && this.#dice(10) === 0
    const members = [...(this.#members.get(list) as Set<string>)]
    const shown = members.filter(() => !late())
    if (shown.length < members.length) this.#met('member not shown yet')
    async function* there() {
      for (const address of [...shown].reverse()) yield [address]
    }
    let sure = false
    try {
      const found = await this.#computer(store).reconcile({ ...SCOPE, list, members: there(), takeOver: false })
      this.#met('compared')
      same('there', found.there, shown.length)
      sure = true
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      this.#met(`died ${error.when}`)
    } finally {
      this.#model(list).reconciled(new Set(shown), sure)
    }
  }

  async #changeEmail(): Promise<void> {
    const from = ADDRESSES[this.#dice(ADDRESSES.length)] as string
    const to = ADDRESSES[this.#dice(ADDRESSES.length)] as string
    if (from === to) return
    const moved = this.#dice(2) === 0
    this.#met(moved ? 'email changed, moved there' : 'email changed, not moved there')
    const lists = this.#computer(this.#base)
    const scope = { ...SCOPE, epoch: `e${this.#readings}` }
    await this.#base.commit(await lists.rekey({ project: 'prod', from, to, moved }, scope))
    for (const list of LISTS) {
      this.#model(list).move(from, to, moved)
      const members = this.#members.get(list) as Set<string>
      if (moved && members.delete(from)) {
        members.add(to)
        if (this.#strangers.get(list)?.delete(from) === true) this.#strangers.get(list)?.add(to)
      }
    }
    for (const [claimant, person] of this.#people) {
      if (person.address === from) this.#people.set(claimant, { ...person, address: to })
    }
  }

  /** One run, as a process would live it; what is left of the reading is kept for the next one. */
  async #run(reading: Reading): Promise<void> {
    const store = new MortalStore(this.#base)
    if (!this.#calm && this.#dice(3) === 0) store.dieSoon(this.#dice)
    this.#reading = reading
    reading.mustGoOn = false
    try {
      if (!reading.alone) await this.#read(store, reading)
      for (const list of await this.#lists(store, reading)) await this.#change(store, reading, list)
      this.#reading = undefined
    } catch (error) {
      if (error instanceof Crash) this.#met(`died ${error.when}`)
      else if (!(error instanceof CallThrew)) throw error
    }
  }

  async #read(store: MortalStore, reading: Reading): Promise<void> {
    const begin = this.#dice(reading.noted + 1)
    for (let nth = begin; nth < reading.pages.length; nth += 1) {
      const page = reading.pages[nth] as Reading['pages'][number]
      if (nth < reading.noted) this.#met('page again')
      await this.#note(store, page, reading.epoch)
      reading.noted = Math.max(reading.noted, nth + 1)
      if (this.#calm || this.#dice(8) > 0) continue
      this.#met('page again')
      await this.#note(store, page, reading.epoch)
    }
  }

  async #note(store: MortalStore, page: readonly (Said & { list: ListRef })[], epoch: string): Promise<void> {
    const wishes: readonly Wish[] = page
    const { ops } = await this.#computer(store).note(wishes, { ...SCOPE, epoch })
    const written = store.written
    store.when = 'while noting'
    try {
      await store.commit(ops)
    } finally {
      if (store.written > written) {
        for (const list of LISTS) {
          const said = page.filter((one) => one.list === list)
          this.#model(list).note(said, epoch)
          if (this.#model(list).shares) this.#met('address shared')
        }
      }
    }
  }

  /** The lists to be planned: all that rows have ever spoken of, or by hand, all that there are. */
  async #lists(store: MortalStore, { epoch, alone }: Reading): Promise<readonly ListRef[]> {
    if (alone) return LISTS
    const known = await this.#computer(store).lists({ ...SCOPE, epoch })
    const spokenOf = LISTS.filter((list) => this.#model(list).spokenOf)
    same('lists', [...known].sort().join(), spokenOf.sort().join())
    return known
  }

  async #change(store: MortalStore, reading: Reading, list: ListRef): Promise<void> {
    const { complete, alone } = reading
    const model = this.#model(list)
    const guard = this.#calm ? { removedShareMax: 1, removedFreely: 0 } : this.#guard
    const claims = reading.pages.flat().filter((one) => one.list === list)
    if (alone) model.note(claims, reading.epoch)
    const expected = model.expected(complete, reading.epoch, guard)
    store.when = 'while planning'
    reading.mustGoOn = true
    const { epoch } = reading
    const given = alone ? { claims, ...(claims.length > 0 && this.#dice(2) === 0 ? {} : { epoch }) } : { epoch }
    await using delta = await this.#computer(store).plan({ ...SCOPE, list, complete, ...given })
    reading.mustGoOn = false
    const { summary } = delta
    const held = delta.guard !== undefined
    if (expected.held !== undefined) same('guard', held, expected.held)
    if (held) this.#met('guard held')
    within('add', summary.add, expected.add)
    within('keep', summary.keep, expected.keep)
    within('members', summary.members, expected.members)
    within('remove', held ? summary.held : summary.remove, expected.remove)
    same('removals beside held ones', held ? summary.remove : summary.held, 0)
    const targets = model.targets(complete, epoch)
    if (!held) model.decide(complete, epoch)
    await this.#send(store, delta, { list, targets, held })
  }

  async #send(
    store: MortalStore,
    delta: ListDelta,
    { list, targets, held }: { list: ListRef; targets: ReadonlySet<string>; held: boolean },
  ): Promise<void> {
    const model = this.#model(list)
    const sizeMax = 1 + this.#dice(3)
    const sent = { add: [] as string[], remove: [] as string[] }
    const late: (() => Promise<void>)[] = []
    for await (const chunk of delta.chunks({ sizeMax })) {
      same('a removal behind an addition', chunk.op === 'remove' && sent.add.length > 0, false)
      same('chunk within its size', chunk.addresses.length > 0 && chunk.addresses.length <= sizeMax, true)
      for (const address of chunk.addresses) {
        same(`${chunk.op} allowed`, model.sends(chunk.op, address, targets) && !(held && chunk.op === 'remove'), true)
        const before = sent[chunk.op].at(-1)
        same('order', before === undefined || compareBytes(before, address) < 0, true)
        sent[chunk.op].push(address)
      }
      const settle = await this.#call(store, list, chunk)
      if (settle !== undefined) {
        if (this.#dice(3) === 0) late.unshift(settle)
        else await settle()
      }
      if (this.#calm || this.#dice(25) > 0) continue
      this.#met('left half-way')
      for (const one of late) await one()
      throw new CallThrew()
    }
    for (const settle of late) await settle()
    same('additions', sent.add.length, delta.summary.add)
    same('removals', sent.remove.length, delta.summary.remove)
    same('all additions', model.staysSilent('add', new Set(sent.add), targets), true)
    if (!held) same('all removals', model.staysSilent('remove', new Set(sent.remove), targets), true)
  }

  /** Asks the destination; gives what settles the chunk, where there is an answer. */
  async #call(store: MortalStore, list: ListRef, chunk: ListChunk): Promise<(() => Promise<void>) | undefined> {
    const { addresses } = chunk
    const model = this.#model(list)
    store.when = 'while intending'
    try {
      await chunk.intend()
    } catch (error) {
      model.asked(addresses, false)
      throw error
    }
    model.asked(addresses, true)
    const luck = this.#calm ? 99 : this.#dice(60)
    if (luck === 0) throw new Crash('between intent and call')
    if (luck < 3) {
      this.#met('answer lost, not applied')
      return undefined
    }
    const applied = luck !== 3
    if (!applied) {
      this.#met('call threw')
      throw new CallThrew()
    }
    const outcomes = this.#apply(list, chunk)
    if (luck < 6) {
      this.#met('answer lost, applied')
      return undefined
    }
    if (luck === 6) {
      this.#met('call threw')
      throw new CallThrew()
    }
    if (luck === 7) throw new Crash('between call and settling')
    return () => this.#settle(store, chunk, { outcomes, model })
  }

  #apply(list: ListRef, { op, addresses }: ListChunk): readonly (Outcome | undefined)[] {
    const members = this.#members.get(list) as Set<string>
    return addresses.map((address): Outcome | undefined => {
      const luck = this.#calm ? 99 : this.#dice(40)
      const reason = { code: 'USER_FORGOTTEN', facts: {} }
      if (luck < 2) {
        this.#met(op === 'add' ? 'row refused' : 'removal refused')
        if (op === 'add') {
          members.delete(address) // who is refused is nobody there
          this.#strangers.get(list)?.delete(address)
          this.#refused.add(address)
        }
        return { status: 'rejected', reason }
      }
      if (op === 'add') members.add(address)
      else members.delete(address)
      this.#strangers.get(list)?.delete(address)
      if (luck > 3) return { status: luck % 2 === 0 ? 'accepted' : 'unchanged' }
      this.#met('row without an outcome')
      return luck === 2 ? undefined : { status: 'parked', reason }
    })
  }

  async #settle(
    store: MortalStore,
    { op, addresses, settle }: ListChunk,
    { outcomes, model }: { outcomes: readonly (Outcome | undefined)[]; model: ListModel },
  ): Promise<void> {
    store.when = 'while settling'
    let sure = false
    try {
      await settle(outcomes as readonly Outcome[])
      sure = true
    } finally {
      for (const [at, address] of addresses.entries()) {
        const status = outcomes[at]?.status
        if (status === 'accepted' || status === 'unchanged') {
          model.settled(address, op === 'add' ? 'accepted' : 'nothing', sure)
        } else if (status === 'rejected' && op === 'add') model.settled(address, 'refused', sure)
      }
    }
  }

  /** All is said and done: who is there is who should be, and there is nothing left to do. */
  async #assertSettled(list: ListRef): Promise<void> {
    const wanted = this.#model(list).wanted()
    const members = [...(this.#members.get(list) as Set<string>)].sort(compareBytes)
    const strangers = this.#strangers.get(list) as Set<string>
    const ours = members.filter((address) => !strangers.has(address) || wanted.includes(address))
    same(`members of ${list}`, ours.join(), wanted.join())
    const should = [...this.#people.values()].filter(({ on }) => on.has(list)).map(({ address }) => address)
    if (this.#people.size > 0) {
      same('beyond the rows', wanted.filter((address) => !should.includes(address)).join(), '')
      const missing = should.filter((address) => !wanted.includes(address) && !this.#refused.has(address))
      same('missing though in the rows', missing.join(), '')
    }
    if (!this.#model(list).spokenOf) return
    await using rest = await this.#computer(this.#base).plan({ ...SCOPE, list, complete: false })
    const { add, remove, held, keep } = rest.summary
    same('rest', JSON.stringify([add, remove, held, keep]), JSON.stringify([0, 0, 0, wanted.length]))
  }

  #computer(store: Store): ListDeltaComputer {
    const guard = this.#calm ? { removedShareMax: 1, removedFreely: 0 } : this.#guard
    return new ListDeltaComputer({ store, guard })
  }

  #model(list: ListRef): ListModel {
    return this.#models.get(list) as ListModel
  }
}

/** What lakeloop and the oracle do not agree about. */
export class Diverged extends Error {}

function same<T extends string | number | boolean>(what: string, got: T, expected: T): void {
  if (got !== expected) throw new Diverged(`${what}: got ${got}, expected ${expected}`)
}

function within(what: string, got: number, { least, most }: { readonly least: number; readonly most: number }): void {
  if (got < least || got > most) throw new Diverged(`${what}: got ${got}, expected ${least} to ${most}`)
}
