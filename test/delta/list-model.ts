import { compareBytes } from '../../src/model/byte-order.js'

/** What one row said of one list, as in docs/lists.md: without an address, or without a decision, the former claim stays. */
export interface Said {
  readonly claimant: string
  readonly address?: string
  readonly member?: boolean
}

/** Whose snapshot it is. */
export interface Snapshot {
  readonly owner: string
  readonly epoch: string
}

/** What may be known of an address: nothing, accepted, asked without an answer, refused for good. */
type Known = 'nothing' | 'accepted' | 'asked' | 'refused'

interface Range {
  readonly least: number
  readonly most: number
}

/** What a plan has to say. Ranges, since a crash leaves open whether its last write took effect. */
export interface Expected {
  readonly add: Range
  readonly remove: Range
  readonly keep: Range
  readonly members: Range
  /** Whether the guard holds all removals; `undefined` where the ranges leave it open. */
  readonly held: boolean | undefined
}

export interface Guard {
  readonly removedShareMax: number
  readonly removedFreely: number
}

const NOTHING: ReadonlySet<Known> = new Set(['nothing'])

/**
 * One list as docs/lists.md and design section 12 describe it, by plain maps and sets: the oracle. It knows nothing of
 * how lakeloop stores a list, and where a crash leaves something open it keeps every possibility.
 */
export class ListModel {
  /** By sync and claimant: two syncs that share the list may have a row of the same key. */
  readonly #claims = new Map<string, Snapshot & { readonly address: string }>()
  readonly #known = new Map<string, ReadonlySet<Known>>()
  /** Of each sync, the snapshot whose rows spoke of the list last. */
  readonly #epochs = new Map<string, string>()

  /** True once a row of the sync has spoken of the list. */
  spokenOf(owner: string): boolean {
    return this.#epochs.has(owner)
  }

  note(said: readonly Said[], { owner, epoch }: Snapshot): void {
    if (said.length > 0) this.#epochs.set(owner, epoch)
    for (const { claimant, address, member } of said) {
      const who = `${owner} ${claimant}`
      const before = this.#claims.get(who)?.address
      const after = address === undefined || member === undefined ? before : member ? address : undefined
      if (after === undefined) this.#claims.delete(who)
      else this.#claims.set(who, { address: after, owner, epoch })
    }
  }

  /** The claims of an address move; what the destination has moves along where it moved the person itself. */
  move(from: string, to: string, moved: boolean): void {
    for (const [who, claim] of this.#claims) {
      if (claim.address === from) this.#claims.set(who, { ...claim, address: to })
    }
    if (!moved) return
    const after = new Set<Known>()
    for (const left of this.#of(from)) {
      for (const met of this.#of(to)) {
        if (left === 'nothing' || left === 'refused' || met === 'asked') after.add(met)
        else after.add(left)
      }
    }
    this.#known.set(from, NOTHING)
    this.#known.set(to, after)
  }

  /** Who should be on the list now. A snapshot decides about the claims of its own sync. */
  targets(complete: boolean, { owner, epoch }: Snapshot): ReadonlySet<string> {
    const counts = (claim: Snapshot): boolean => !complete || claim.owner !== owner || claim.epoch === epoch
    const counting = [...this.#claims.values()].filter(counts)
    return new Set(counting.map(({ address }) => address))
  }

  /** True if two claims or more name one address, or an address twice. */
  get shares(): boolean {
    return new Set([...this.#claims.values()].map(({ address }) => address)).size < this.#claims.size
  }

  expected(complete: boolean, snapshot: Snapshot, guard: Guard): Expected {
    const targets = this.targets(complete, snapshot)
    const seen = this.#epochs.get(snapshot.owner) === snapshot.epoch
    const count = (met: (address: string, known: Known) => boolean): Range => {
      const addresses = [...new Set([...targets, ...this.#known.keys()])]
      const each = addresses.map((address) => [...this.#of(address)].map((known) => met(address, known)))
      return {
        least: each.filter((possible) => possible.every(Boolean)).length,
        most: each.filter((possible) => possible.some(Boolean)).length,
      }
    }
    const remove = count((address, known) => !targets.has(address) && isOn(known))
    const members = count((_, known) => isOn(known))
    return {
      add: count((address, known) => targets.has(address) && (known === 'nothing' || known === 'asked')),
      remove,
      keep: count((address, known) => targets.has(address) && known === 'accepted'),
      members,
      held: this.#held(remove, members, { complete, targets: targets.size, seen }, guard),
    }
  }

  #held(
    remove: Range,
    members: Range,
    { complete, targets, seen }: { complete: boolean; targets: number; seen: boolean },
    { removedShareMax, removedFreely }: Guard,
  ): boolean | undefined {
    const limit = (on: number): number => {
      if (complete && (!seen || (targets === 0 && removedShareMax < 1))) return 0
      return Math.max(removedFreely, Math.floor(on * removedShareMax))
    }
    if (remove.least > limit(members.most)) return true
    return remove.most <= limit(members.least) ? false : undefined
  }

  /** A snapshot has decided: who was not seen in it has no claim any more, and who was refused may be asked again. */
  decide(complete: boolean, { owner, epoch }: Snapshot): void {
    if (complete && this.#epochs.get(owner) !== epoch) return
    const targets = this.targets(complete, { owner, epoch })
    for (const [address, known] of this.#known) {
      if (!targets.has(address) && known.has('refused'))
        this.#known.set(address, with_(without(known, 'refused'), 'nothing'))
    }
    if (!complete) return
    for (const [who, claim] of this.#claims) {
      if (claim.owner === owner && claim.epoch !== epoch) this.#claims.delete(who)
    }
  }

  /** Whether this may be sent; and if it is, what follows about what was known. */
  sends(op: 'add' | 'remove', address: string, targets: ReadonlySet<string>): boolean {
    const fitting = [...this.#of(address)].filter((known) =>
      op === 'add' ? known === 'nothing' || known === 'asked' : isOn(known),
    )
    if (targets.has(address) !== (op === 'add') || fitting.length === 0) return false
    this.#known.set(address, new Set(fitting))
    return true
  }

  /** Nothing was sent for these: false if something had to be. */
  staysSilent(op: 'add' | 'remove', sent: ReadonlySet<string>, targets: ReadonlySet<string>): boolean {
    for (const address of new Set([...targets, ...this.#known.keys()])) {
      if (sent.has(address) || targets.has(address) !== (op === 'add')) continue
      const fitting = [...this.#of(address)].filter((known) =>
        op === 'add' ? known === 'accepted' || known === 'refused' : !isOn(known),
      )
      if (fitting.length === 0) return false
      this.#known.set(address, new Set(fitting))
    }
    return true
  }

  /** @param sure  false where the process died while it was written down */
  asked(addresses: readonly string[], sure: boolean): void {
    for (const address of addresses) this.#set(address, 'asked', sure)
  }

  settled(address: string, after: 'accepted' | 'nothing' | 'refused', sure: boolean): void {
    this.#set(address, after, sure)
  }

  /**
   * The list was compared with what the destination shows: who is there and claimed is a member, who is remembered and not
   * there is asked again, and who is there beside is left alone. A process that died has done so for some of them.
   */
  reconciled(shown: ReadonlySet<string>, sure: boolean): void {
    const targets = this.targets(false, ANY)
    for (const address of new Set([...targets, ...this.#known.keys(), ...shown])) {
      const after = [...this.#of(address)].map((known): Known => {
        if (shown.has(address)) return targets.has(address) || isOn(known) ? 'accepted' : known
        return isOn(known) ? 'asked' : known
      })
      this.#known.set(address, new Set(sure ? after : [...this.#of(address), ...after]))
    }
  }

  /** Targets that were never refused: who is on the list at last. */
  wanted(): readonly string[] {
    return [...this.targets(false, ANY)].filter((address) => !this.#of(address).has('refused')).sort(compareBytes)
  }

  #set(address: string, after: Known, sure: boolean): void {
    this.#known.set(address, sure ? new Set([after]) : with_(this.#of(address), after))
  }

  #of(address: string): ReadonlySet<Known> {
    return this.#known.get(address) ?? NOTHING
  }
}

/** Where all claims count. */
const ANY: Snapshot = { owner: '', epoch: '' }

const isOn = (known: Known): boolean => known === 'accepted' || known === 'asked'
const with_ = (known: ReadonlySet<Known>, more: Known): ReadonlySet<Known> => new Set([...known, more])
const without = (known: ReadonlySet<Known>, less: Known): ReadonlySet<Known> =>
  new Set([...known].filter((one) => one !== less))
