import type { FakeEvent, FakePurchase, FakeUser, Ledger } from './ledger.js'

/** When a profile was made, changed, and by what. */
export interface Stamp {
  readonly signedUpAt: number
  /** Later where the profile has moved to another address. */
  readonly documentAt: number
  readonly updatedAt: number
  readonly signupSource: 'API' | 'ListAPI'
}

/** A person as reads show them. */
export interface Snapshot {
  readonly address: string
  readonly user: FakeUser | undefined
  readonly stamp: Stamp | undefined
  readonly events: readonly FakeEvent[]
  readonly purchases: readonly FakePurchase[]
  readonly lists: ReadonlySet<number>
}

/**
 * What reads show: the ledger, or, with a delay, the ledger as it was that long ago. Source: AC (tests wait up to 60 s),
 * GR (indexed 1 to 12 s after receipt), SW (60 s before a dependent request).
 */
export class Visible {
  readonly #ledger: Ledger
  readonly #afterMs: number
  readonly #now: () => number
  readonly #stampOf: (user: FakeUser) => Stamp | undefined
  readonly #waiting: { readonly at: number; readonly snapshot: Snapshot }[] = []
  readonly #shown = new Map<string, Snapshot>()

  constructor(
    ledger: Ledger,
    options: { readonly afterMs: number; now(): number; stampOf(user: FakeUser): Stamp | undefined },
  ) {
    this.#ledger = ledger
    this.#afterMs = options.afterMs
    this.#now = options.now
    this.#stampOf = options.stampOf
  }

  /** To be said after each change of a person. Cost: with a delay, a copy and a walk over all events. */
  touched(address: string): void {
    if (this.#afterMs > 0) this.#waiting.push({ at: this.#now() + this.#afterMs, snapshot: this.#snapshot(address) })
  }

  person(address: string): Snapshot {
    if (this.#afterMs === 0) return this.#snapshot(address)
    this.#show()
    return (
      this.#shown.get(address) ?? {
        address,
        user: undefined,
        stamp: undefined,
        events: [],
        purchases: [],
        lists: new Set(),
      }
    )
  }

  /** Everybody who has something to show. Cost: one walk over all events and purchases. */
  everyone(): readonly Snapshot[] {
    if (this.#afterMs > 0) {
      this.#show()
      return [...this.#shown.values()]
    }
    const { people, eventsById, purchases } = this.#ledger
    const events = byAddress([...eventsById.values()])
    const bought = byAddress(purchases)
    const addresses = new Set([...people.keys(), ...events.keys(), ...bought.keys()])
    return [...addresses].map((address) =>
      this.#snapshot(address, { events: events.get(address) ?? [], purchases: bought.get(address) ?? [] }),
    )
  }

  members(listId: number): readonly string[] {
    if (this.#afterMs === 0) return this.#ledger.members(listId)
    this.#show()
    return [...this.#shown.values()].filter(({ lists }) => lists.has(listId)).map(({ address }) => address)
  }

  #show(): void {
    while ((this.#waiting[0]?.at ?? Number.POSITIVE_INFINITY) <= this.#now()) {
      const { snapshot } = this.#waiting.shift() as { snapshot: Snapshot }
      this.#shown.set(snapshot.address, snapshot)
    }
  }

  #snapshot(address: string, things?: Pick<Snapshot, 'events' | 'purchases'>): Snapshot {
    const { lists, purchases } = this.#ledger
    const user = this.#ledger.user(address)
    return {
      address,
      user: user === undefined ? undefined : { ...user },
      stamp: user === undefined ? undefined : this.#stampOf(user),
      events: things?.events ?? this.#ledger.events(address),
      purchases: things?.purchases ?? purchases.filter((one) => one.address === address),
      lists: new Set(lists.filter(({ members }) => members.has(address)).map(({ id }) => id)),
    }
  }
}

function byAddress<T extends { readonly address: string }>(all: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const one of all) {
    const group = groups.get(one.address)
    if (group === undefined) groups.set(one.address, [one])
    else group.push(one)
  }
  return groups
}
