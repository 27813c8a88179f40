import { type ListChunk, type ListDelta, ListDeltaComputer, type Wish } from '../../src/delta/list-delta.js'
import type { ListRef } from '../../src/model/action.js'
import { compareBytes } from '../../src/model/byte-order.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { Store } from '../../src/stores/store.js'
import { same, within } from './agreement.js'
import type { Dice, FaultName } from './list-faults.js'
import { type Guard, ListModel, type Said, type Snapshot } from './list-model.js'
import { ADDRESSES, LISTS, People, type Reading } from './list-people.js'
import { Crash, MortalStore } from './mortal-store.js'

const PROJECT = 'prod'

const GUARD_OFF: Guard = { removedShareMax: 1, removedFreely: 0 }

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
  /** Fewer than addresses have changed, and a plan reads the list again. */
  readonly #keptMax: number
  readonly #models = new Map(LISTS.map((list) => [list, new ListModel()]))
  readonly #members = new Map(LISTS.map((list) => [list, new Set<string>()]))
  /** By sync: in some histories two of them share the lists, and take turns. */
  readonly #people: ReadonlyMap<string, People>
  readonly #refused = new Set<string>()
  /** Whom somebody else put on a list. */
  readonly #strangers = new Map(LISTS.map((list) => [list, new Set<string>()]))
  /** By sync: readings that did not come to their end. */
  readonly #open = new Map<string, Reading>()
  #calm = false

  constructor(base: Store, { dice, met }: { dice: Dice; met: (fault: FaultName) => void }) {
    this.#base = base
    this.#dice = dice
    this.#met = met
    this.#keptMax = [0, 2, 200_000][dice(3)] as number
    const owners = dice(3) > 0 ? ['churn'] : ['churn', 'winback']
    if (owners.length > 1) met('list of two syncs')
    this.#people = new Map(owners.map((owner) => [owner, new People(owner, { dice, met })]))
    this.#guard = dice(3) > 0 ? GUARD_OFF : { removedShareMax: 0.5, removedFreely: 1 }
  }

  async live(): Promise<void> {
    for (let steps = 4 + this.#dice(8); steps > 0; steps -= 1) await this.#step()
    this.#calm = true
    for (const people of this.#people.values()) people.calm = true
    // First: until then, what a plan died over is open to the oracle.
    for (const open of this.#openings()) await this.#run(open)
    for (const list of LISTS) {
      const [speaker] = [...this.#people.values()].filter(({ scope }) => this.#model(list).spokenOf(scope.owner))
      if (speaker !== undefined) await this.#compare(list, speaker)
    }
    // A snapshot of nobody decides nothing: what is open is then left to a run without one.
    for (const people of this.#people.values()) {
      await this.#run(people.size > 0 ? people.snapshot() : people.readingOf([], false))
    }
    for (const list of LISTS) await this.#assertSettled(list)
  }

  async #step(): Promise<void> {
    const [undecided] = this.#openings()
    const people = [...this.#people.values()][this.#dice(this.#people.size)] as People
    const open =
      undecided !== undefined && undecided.undecided.size > 0 ? undecided : this.#open.get(people.scope.owner)
    if (open !== undefined && (open.undecided.size > 0 || this.#dice(2) === 0)) {
      this.#met('pass resumed')
      return await this.#run(open)
    }
    this.#open.delete(people.scope.owner)
    const kind = this.#dice(23)
    if (kind < 4) return await this.#changeEmail()
    if (kind > 20) return await this.#compare(LISTS[this.#dice(LISTS.length)] as ListRef, people)
    if (kind > 19) return this.#others()
    people.time()
    if (kind < 10) return await this.#run(people.snapshot())
    if (kind < 12) {
      this.#met('snapshot incomplete')
      return await this.#run({ ...people.snapshot(), complete: false })
    }
    if (kind < 14) return await this.#failedSnapshot(people.snapshot())
    if (kind < 15) {
      this.#met('snapshot empty')
      return await this.#run(people.readingOf([], true))
    }
    return await this.#run(people.changes())
  }

  /** Those first at whose plan it died: nothing else may happen to the list before it is known what was decided. */
  #openings(): readonly Reading[] {
    return [...this.#open.values()].sort((a, b) => b.undecided.size - a.undecided.size)
  }

  /** Its source breaks off: nothing is planned, and the next reading is another one. */
  async #failedSnapshot(reading: Reading): Promise<void> {
    this.#met('snapshot failed')
    const store = new MortalStore(this.#base)
    for (const page of reading.pages.slice(0, this.#dice(reading.pages.length + 1))) {
      await this.#note(store, page, reading)
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
  async #compare(list: ListRef, { scope: { owner } }: People): Promise<void> {
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
      const at = { project: PROJECT, owner, list }
      const found = await this.#computer(store).reconcile({ ...at, members: there(), takeOver: false })
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
    for (const { scope } of this.#people.values()) {
      const ops = await lists.rekey({ project: PROJECT, from, to, moved }, { project: PROJECT, ...scope })
      await this.#base.commit(ops)
    }
    for (const list of LISTS) {
      this.#model(list).move(from, to, moved)
      const members = this.#members.get(list) as Set<string>
      if (moved && members.delete(from)) {
        members.add(to)
        if (this.#strangers.get(list)?.delete(from) === true) this.#strangers.get(list)?.add(to)
      }
    }
    for (const people of this.#people.values()) people.move(from, to)
  }

  /** One run, as a process would live it; what is left of the reading is kept for the next one. */
  async #run(reading: Reading): Promise<void> {
    const store = new MortalStore(this.#base)
    if (!this.#calm && this.#dice(3) === 0) store.dieSoon(this.#dice)
    this.#open.set(reading.owner, reading)
    try {
      if (!reading.alone) await this.#read(store, reading)
      for (const list of await this.#lists(store, reading)) await this.#change(store, reading, list)
      this.#open.delete(reading.owner)
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
      await this.#note(store, page, reading)
      reading.noted = Math.max(reading.noted, nth + 1)
      if (this.#calm || this.#dice(8) > 0) continue
      this.#met('page again')
      await this.#note(store, page, reading)
    }
  }

  async #note(store: MortalStore, page: readonly (Said & { list: ListRef })[], snapshot: Snapshot): Promise<void> {
    const { owner, epoch } = snapshot
    const wishes: readonly Wish[] = page
    const { ops } = await this.#computer(store).note(wishes, { project: PROJECT, owner, epoch })
    const written = store.written
    store.when = 'while noting'
    try {
      await store.commit(ops)
    } finally {
      if (store.written > written) {
        for (const list of LISTS) {
          const said = page.filter((one) => one.list === list)
          this.#model(list).note(said, snapshot)
          if (this.#model(list).shares) this.#met('address shared')
        }
      }
    }
  }

  /** The lists to be planned: all that rows have ever spoken of, or by hand, all that there are. */
  async #lists(store: MortalStore, { owner, epoch, alone }: Reading): Promise<readonly ListRef[]> {
    if (alone) return LISTS
    const known = await this.#computer(store).lists({ project: PROJECT, owner, epoch })
    const spokenOf = LISTS.filter((list) => this.#model(list).spokenOf(owner))
    same('lists', [...known].sort().join(), spokenOf.sort().join())
    return known
  }

  async #change(store: MortalStore, reading: Reading, list: ListRef): Promise<void> {
    const { complete, alone } = reading
    const model = this.#model(list)
    const guard = this.#guardOf(reading)
    const claims = reading.pages.flat().filter((one) => one.list === list)
    if (alone) model.note(claims, reading)
    const expected = model.expected(complete, reading, guard)
    store.when = 'while planning'
    reading.undecided.add(list)
    const { owner, epoch } = reading
    const given = alone ? { claims, ...(claims.length > 0 && this.#dice(2) === 0 ? {} : { epoch }) } : { epoch }
    await using delta = await this.#computer(store, guard).plan({ project: PROJECT, owner, list, complete, ...given })
    reading.undecided.delete(list)
    const { summary } = delta
    const held = delta.guard !== undefined
    if (expected.held !== undefined) same('guard', held, expected.held)
    if (held) this.#met('guard held')
    within('add', summary.add, expected.add)
    within('keep', summary.keep, expected.keep)
    within('members', summary.members, expected.members)
    within('remove', held ? summary.held : summary.remove, expected.remove)
    same('removals beside held ones', held ? summary.remove : summary.held, 0)
    const targets = model.targets(complete, reading)
    if (!held) model.decide(complete, reading)
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
    const all = [...this.#people.values()]
    const should = all.flatMap((people) => people.on(list))
    if (all.every(({ size }) => size > 0)) {
      same('beyond the rows', wanted.filter((address) => !should.includes(address)).join(), '')
      const missing = should.filter((address) => !wanted.includes(address) && !this.#refused.has(address))
      same('missing though in the rows', missing.join(), '')
    }
    for (const { scope } of all.filter(({ scope }) => this.#model(list).spokenOf(scope.owner))) {
      const at = { project: PROJECT, owner: scope.owner, list }
      await using rest = await this.#computer(this.#base).plan({ ...at, complete: false })
      const { add, remove, held, keep } = rest.summary
      same('rest', JSON.stringify([add, remove, held, keep]), JSON.stringify([0, 0, 0, wanted.length]))
    }
  }

  /** A list in blocks keeps former places behind the guard, as docs/lists.md says: whole-lists.laws.test.ts has those. */
  #guardOf({ alone }: Pick<Reading, 'alone'>): Guard {
    return this.#calm || (alone && this.#people.size === 1) ? GUARD_OFF : this.#guard
  }

  #computer(store: Store, guard: Guard = this.#guard): ListDeltaComputer {
    const shared = this.#people.size > 1 ? LISTS : []
    return new ListDeltaComputer({ store, guard, shared, keptMax: this.#keptMax })
  }

  #model(list: ListRef): ListModel {
    return this.#models.get(list) as ListModel
  }
}
