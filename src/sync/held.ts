import type { Resolution } from '../identity/resolver.js'
import { type Action, type ActionBlock, isDeparture } from '../model/action.js'
import { actionBlock } from '../model/action-block.js'
import type { Outcome } from '../model/outcome.js'
import type { JsonObject } from '../model/value.js'
import type { Entry, Op } from '../stores/store.js'
import { printOf } from './action-print.js'
import { type ProfileWrite, shortRow, type Word } from './address-memory.js'
import { itemOf } from './addressing.js'
import { boundToday } from './bound-today.js'
import type { RunContext } from './context.js'
import type { Departed, Leaving } from './departures.js'
import type { Settled } from './dispatch.js'
import { hit } from './failpoint.js'
import { backIn, fateOfHeld, knownHeld } from './held-departures.js'
import { type End, endOps, type HeldTable, heldSubject } from './held-ends.js'
import { sendingOf } from './held-sending.js'
import { departureOps, leavingOf } from './leaving.js'
import { keptIn, orderOf, rowKeyOf } from './letter.js'
import { type ListProbe, listProbe, misnamed } from './list-probe.js'
import { isAfter, type Order } from './order.js'
import { originKey } from './page.js'
import { onlyParts } from './profile-write.js'
import { type Said, saidBy, saysAll } from './said.js'
import { type Sending, takeOff } from './under-way.js'
import { placeWords } from './words.js'

/** Told of what became of an entry, once that is durable; not of one that stays as it is. */
export type Told = (entry: Entry, outcome: Outcome) => void

export interface HeldActions {
  readonly table: HeldTable
  readonly entries: readonly Entry[]
}

/** At most so many entries are tried at once. */
export const HELD_MAX = 1_000

/**
 * Tries actions that were kept again, of one table, in the order in which their rows were read. Who is named is looked up
 * anew. What finds no address is parked; what is refused is a dead letter; a place on a list becomes a claim.
 *
 * Shape    at most {@link HELD_MAX} entries, each with an action.
 * Repeat   an entry leaves its table in the commit of its outcome, so that one that was cut short is tried again.
 * Upholds  I1, I2 (an intent is looked up), I4 (each entry has one outcome), I6 (nothing that was accepted since is overwritten).
 */
export async function tryHeld(context: RunContext, held: HeldActions, told: Told): Promise<void> {
  if (held.entries.length > 0) await new Trial(context, held.table, told).run(held.entries)
}

interface Found {
  readonly entry: Entry
  readonly action: Action
  /** An index into the block of all that is tried. */
  readonly at: number
  readonly resolution: Extract<Resolution, { status: 'resolved' }>
  readonly departed: Departed | undefined
}

/** What is left of an action where newer fields were accepted, and what is remembered once it is accepted. */
interface Rest extends Found {
  readonly write?: ProfileWrite
  readonly print?: string
}

class Trial {
  readonly #context: RunContext
  readonly #table: HeldTable
  readonly #told: Told
  readonly #probe: ListProbe
  #block: ActionBlock = actionBlock([])

  constructor(context: RunContext, table: HeldTable, told: Told) {
    this.#context = context
    this.#table = table
    this.#told = told
    this.#probe = listProbe(context)
  }

  async run(entries: readonly Entry[]): Promise<void> {
    const actions = entries.map((entry) => keptIn(entry).action as Action)
    this.#block = actionBlock(
      actions,
      entries.map((entry) => ({ key: rowKeyOf(entry), changedAt: keptIn(entry).changedAt })),
    )
    const found: Found[] = []
    const ends: End[] = []
    const { who, left } = await this.#whom(entries, actions)
    entries.forEach((entry, at) => {
      const resolution = who[at] as Resolution
      const action = actions[at] as Action
      if (resolution.status !== 'resolved') {
        const status = resolution.status === 'unresolved' ? 'parked' : 'rejected'
        if (this.#table === 'deadLetter') ends.push([entry, { status, reason: resolution.reason }])
        return
      }
      const departed = left.get(resolution.address)
      const one = { entry, action, at, resolution, departed }
      const fate = fateOfHeld({ action, entry, departed }, this.#context)
      if (fate === undefined) found.push(one)
      else ends.push([entry, fate, resolution.address])
    })
    await this.#end(ends)
    found.sort((a, b) => (isAfter(orderOf(a.entry), orderOf(b.entry)) ? 1 : -1)) // as they were read (I6)
    const targets = new Set(found.flatMap((one) => this.#saidBy(one)?.target ?? []))
    for (const { resolution } of found) targets.add(resolution.address)
    const held = await this.#context.memory.hold([...targets])
    try {
      await this.#claim(found.filter(({ action }) => action.kind === 'membership'))
      await this.#send(found.filter(({ action }) => action.kind !== 'membership'))
    } finally {
      this.#context.memory.release(held)
    }
  }

  /** Whom each action speaks of today. */
  async #whom(entries: readonly Entry[], actions: readonly Action[]) {
    const { identity, scope, departures } = this.#context
    const bags = actions.map(({ identifiers }) => identifiers)
    const resolved = await identity.resolve(bags, { project: scope.project })
    const moves = entries.filter((_, at) => actions[at]?.kind === 'addressChange')
    const bound = await boundToday(this.#context, moves)
    const who = resolved.map(
      (resolution, at) => bound.get(entries[at] as Entry) ?? itemOf(this.#block, at) ?? resolution,
    )
    const left = await departures.among(who.flatMap((one) => (one.status === 'resolved' ? [one.address] : [])))
    return { who, left }
  }

  /** What a newer row may have said since. */
  #saidBy({ at, entry, resolution: { address, profileId } }: Found): Said | undefined {
    const claimant = rowKeyOf(entry) ?? profileId
    return saidBy(this.#block, at, { address, claimant, mergesItems: this.#context.destination.mergesItems })
  }

  async #claim(claims: readonly Found[]): Promise<void> {
    const { lists, scope, epoch, commits, history, memory } = this.#context
    const wanted: { readonly entry: Entry; readonly wish: Parameters<typeof lists.note>[0][number] }[] = []
    const ends: End[] = []
    for (const found of claims) {
      const { entry, action, resolution } = found
      const { list, member } = action as Extract<Action, { kind: 'membership' }>
      const { address, profileId } = resolution
      const rowKey = rowKeyOf(entry)
      const reason = misnamed(list) ?? (await this.#probe(list, address))
      if (reason !== undefined) ends.push([entry, { status: 'rejected', reason }, address])
      // A claim of a row is the row's alone, and its newest one stands; a person's may have been said anew by any row.
      else if (memory.left(this.#saidBy(found) as Said, orderOf(entry)).length === 0)
        ends.push([entry, { status: 'superseded' }, address])
      else {
        const wish = { list, claimant: rowKey ?? profileId, address, ...(member === undefined ? {} : { member }) }
        wanted.push({ entry, wish })
      }
    }
    await this.#end(ends)
    if (wanted.length === 0) return
    const wishes = wanted.map(({ wish }) => wish)
    const back = await departureOps(this.#context, [], new Set(wishes.map(({ address }) => address as string)))
    if (back.main.length > 0) await commits.commit(back)
    const noted = await lists.note(wishes, { project: scope.project, owner: scope.sync, epoch })
    const main = wanted.map(({ entry }): Op => ({ op: 'delete', table: this.#table, key: entry.key }))
    const claimed = wanted.map(({ entry, wish }, at): End => {
      return [entry, { status: noted.changed[at] === true ? 'accepted' : 'unchanged' }, wish.address]
    })
    const said = await memory.say(
      wanted.flatMap(({ entry, wish }, at) => {
        const isKeyed = rowKeyOf(entry) !== undefined
        return placeWords(this.#context, wish, { order: orderOf(entry), isKeyed, changed: noted.changed[at] === true })
      }),
    )
    FAILPOINT: hit('before-held-claimed')
    await commits.commit({ lists: noted.ops, main: [...main, ...said.ops, ...history.ops(claimed.map(heldSubject))] })
    FAILPOINT: hit('after-held-claimed')
    said.release()
    for (const [entry, outcome] of claimed) this.#told(entry, outcome)
  }

  async #send(sends: readonly Found[]): Promise<void> {
    const rests = sends.map((one) => this.#restOf(one))
    const overtaken = sends.filter((_, at) => rests[at] === undefined)
    await this.#end(overtaken.map(({ entry, resolution }) => [entry, { status: 'superseded' }, resolution.address]))
    const left = rests.filter((rest) => rest !== undefined)
    if (left.length > 0) await this.#sendRests(left)
  }

  #restOf(found: Found): Rest | undefined {
    const { memory, groups, anchors } = this.#context
    const { action, entry, at, resolution, departed } = found
    const { address } = resolution
    const order = orderOf(entry)
    if (action.kind === 'addressChange') return address === action.to ? found : undefined
    if (action.kind === 'delete' && memory.isOvertaken(address, order)) return undefined
    const isKeyed = rowKeyOf(entry) !== undefined
    const print = isKeyed
      ? printOf(this.#block, at, { address, times: departed?.times ?? 0, groups, anchors })
      : undefined
    if (action.kind !== 'profile') {
      const said = this.#saidBy(found)
      const left = said && memory.left(said, order)
      if (left !== undefined && left.length < (said?.parts.length ?? 0))
        return left.length === 0 ? undefined : { ...found, action: onlyParts(action, left) }
      return { ...found, ...(print === undefined ? {} : { print }) }
    }
    const { dataFields = {} } = action
    const fields = Object.keys(dataFields)
    const write = { live: memory.live(address), order, fields }
    const left = memory.fieldsLeft(write)
    if (left.length === fields.length) {
      const known = print === undefined ? {} : { row: shortRow(entry.key), print }
      return { ...found, write: { ...write, ...known } }
    }
    if (left.length === 0) return undefined
    return { ...found, action: onlyParts(action, left), write: { ...write, fields: left } }
  }

  async #sendRests(rests: readonly Rest[]): Promise<void> {
    const { commits, sender, source, memory, intents, store } = this.#context
    const block = actionBlock(
      rests.map(({ action }) => action),
      rests.map(({ entry, action, resolution }) => ({
        address: action.kind === 'addressChange' ? action.from : resolution.address,
        changedAt: keptIn(entry).changedAt,
        ...(rowKeyOf(entry) === undefined ? {} : { key: originKey(source.name, entry.key) }),
      })),
    )
    for (const { write } of rests) if (write !== undefined) memory.sent(write)
    const printed = rests.flatMap(({ entry, print }) => (print === undefined ? [] : [entry.key]))
    await intents.load(store, printed)
    const sendings = rests.map(sendingOf)
    const flight = await takeOff(this.#context, sendings)
    await flight.over(() =>
      sender.send(block, {
        onSettled: async (settled) => {
          await this.#settle(rests, settled)
          for (const [at] of settled.outcomes) flight.settled(sendings[at] as Sending)
        },
        onIntent: (actions) => commits.commit({ main: actions.flatMap((at) => this.#intended(rests[at] as Rest)) }),
        maybeSent: (at) => keptIn((rests[at] as Rest).entry).sent === true,
        known: (actions) => knownHeld(this.#context, rests, actions),
      }),
    )
  }

  async #settle(rests: readonly Rest[], { outcomes }: Settled): Promise<void> {
    const { identity, scope, commits, memory, settling, clock, intents, destination } = this.#context
    const ended = outcomes.map(([at, outcome]) => [rests[at] as Rest, outcome] as const)
    const taken = ended.filter(([, outcome]) => !('reason' in outcome)).map(([rest]) => rest)
    const block = actionBlock(taken.map(({ action }) => action))
    const main: Op[] = []
    const bindings: { profileId: string; address: string }[] = []
    const leaving: (Leaving & { readonly order: Order })[] = []
    const words: Word[] = []
    const { mergesItems } = destination
    for (const [at, rest] of taken.entries()) {
      const { action, entry, write } = rest
      const { address, bind } = sendingOf(rest)
      if (isDeparture(action.kind))
        leaving.push(leavingOf(scope, { address, kind: action.kind, order: orderOf(entry) }))
      else if (write !== undefined) main.push(...memory.accepted(write))
      else words.push(...saysAll(block, at, { address, mergesItems }).map((said) => ({ said, order: orderOf(entry) })))
      if (action.kind === 'addressChange') main.push(...(await memory.moved(action.from, action.to)))
      if (bind !== undefined) bindings.push({ profileId: bind, address })
    }
    const late = () => [
      ...taken.flatMap(({ entry, print }) => (print === undefined ? [] : [intents.accepted(entry.key, print, [])])),
      ...intents.finished(ended.flatMap(([{ entry, print }]) => (print ? [[entry.key, print] as const] : []))),
    ]
    if (taken.length > 0) settling.acceptedAt = clock.elapsed()
    const gone = await departureOps(this.#context, leaving, backIn(taken, leaving))
    const ends = ended.map(([{ entry, resolution }, outcome]) => [entry, outcome, resolution.address] as const)
    const said = await memory.say(words)
    FAILPOINT: hit('before-held-settled')
    await commits.commit({
      main: [...main, ...said.ops, ...gone.main, ...(await endOps(this.#context, this.#table, ends))],
      late,
      identity: bindings.length > 0 ? identity.bind(scope.project, bindings) : [],
      lists: gone.lists,
    })
    FAILPOINT: hit('after-held-settled')
    said.release()
    for (const [{ write }] of ended) if (write !== undefined) memory.settled(write)
    for (const [entry, outcome] of ends) this.#told(entry, outcome)
  }

  /** It stays where it is until there is an answer; whoever finds it so, or reads its row again, looks first whether it has arrived (I2). */
  #intended({ entry, print }: Rest): readonly Op[] {
    const value = { ...(entry.value as JsonObject), sent: true }
    const again: Op = { op: 'put', table: this.#table, key: entry.key, value }
    return print === undefined ? [again] : [again, this.#context.intents.intended(entry.key, print, [])]
  }

  /** Remembers and tells outcomes of what is not sent. */
  async #end(ends: readonly End[]): Promise<void> {
    if (ends.length === 0) return
    const main = await endOps(this.#context, this.#table, ends)
    if (main.length > 0) await this.#context.commits.commit({ main })
    for (const [entry, outcome] of ends) this.#told(entry, outcome)
  }
}
