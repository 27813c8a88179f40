import type { Json, JsonObject } from '../../model/value.js'
import type { FakeCatalog } from './catalogs/fake-catalog.js'

/** One thing that was applied, in the order in which it was. */
export interface LedgerEntry {
  /** Across everything, from 1. */
  readonly seq: number
  /** Among the entries of this address, from 1. */
  readonly seqOfAddress: number
  /** Of an item of a catalog: `catalog/item`. */
  readonly address: string
  readonly kind:
    | 'profile'
    | 'event'
    | 'purchase'
    | 'cart'
    | 'item'
    | 'itemRemoved'
    | 'subscribe'
    | 'unsubscribe'
    | 'subscriptions'
    | 'updateEmail'
    | 'merge'
    | 'delete'
    | 'forget'
    | 'unforget'
  readonly endpoint: string
  /** `profile` and `item`: the fields; `event`: id, name and time; lists: number and name; `updateEmail` and `merge`: the former address; `subscriptions`: the arrays that were sent; `purchase` and `cart`: how many items. */
  readonly detail: JsonObject
}

export interface FakeUser {
  email?: string
  userId?: string
  /** As they were sent: without `email`, `userId` and what Iterable manages itself. */
  dataFields: JsonObject
}

export interface FakeEvent {
  readonly id: string
  readonly address: string
  readonly eventName: string
  readonly createdAt: number
  readonly dataFields: JsonObject
}

export interface FakePurchase {
  readonly id: string
  readonly address: string
  readonly items: readonly JsonObject[]
  readonly total: number
  /** Seconds since 1970. */
  readonly createdAt: number
  readonly dataFields: JsonObject
}

/** Something that Iterable did or saw: a send, an open, a bounce. It stands in exports once it is indexed. */
export interface FakeHappening {
  /** As exports name it, e.g. `emailOpen`. */
  readonly dataType: string
  /** Seconds since 1970. */
  readonly createdAt: number
  /** In ms: from then on exports show it. */
  readonly indexedAt: number
  readonly fields: JsonObject
}

export interface FakeList {
  readonly id: number
  readonly name: string
  readonly description?: string
  readonly listType: string
  readonly createdAt: number
  readonly members: Set<string>
}

/** What the fake holds, and what was applied to it in which order: the truth that a test compares with. */
export class Ledger {
  readonly entries: LedgerEntry[] = []
  /** By address: the email in an email project; elsewhere the userId, or the email of who has none. */
  readonly people = new Map<string, FakeUser>()
  readonly eventsById = new Map<string, FakeEvent>()
  /** In the order in which their ids came first. */
  readonly purchases: FakePurchase[] = []
  readonly happenings: FakeHappening[] = []
  readonly lists: FakeList[] = []
  /** By name in lower case. */
  readonly catalogs = new Map<string, FakeCatalog>()
  readonly #perAddress = new Map<string, number>()
  readonly #answers = new Map<string, number>()

  note(entry: Pick<LedgerEntry, 'address' | 'kind' | 'endpoint'> & { readonly detail?: JsonObject }): void {
    const seqOfAddress = (this.#perAddress.get(entry.address) ?? 0) + 1
    this.#perAddress.set(entry.address, seqOfAddress)
    this.entries.push({ detail: {}, ...entry, seq: this.entries.length + 1, seqOfAddress })
  }

  answered(endpoint: string, status: number | string): void {
    const key = `${endpoint} ${status}`
    this.#answers.set(key, (this.#answers.get(key) ?? 0) + 1)
  }

  /** Requests received: in all, by endpoint, and by `endpoint status`; `reset`, `stall` and `silence` stand for a status. */
  requests(): {
    readonly total: number
    readonly byEndpoint: Record<string, number>
    readonly byAnswer: Record<string, number>
  } {
    const byEndpoint: Record<string, number> = {}
    let total = 0
    for (const [key, count] of this.#answers) {
      const endpoint = key.slice(0, key.lastIndexOf(' '))
      byEndpoint[endpoint] = (byEndpoint[endpoint] ?? 0) + count
      total += count
    }
    return { total, byEndpoint, byAnswer: Object.fromEntries(this.#answers) }
  }

  users(): readonly FakeUser[] {
    return [...this.people.values()]
  }

  user(address: string): FakeUser | undefined {
    return this.people.get(address)
  }

  /** Addresses on a list, by its name or number, in the order in which they came. None if there is no such list. */
  members(list: string | number): readonly string[] {
    const found = this.lists.find(({ id, name }) => id === list || name === list)
    return found === undefined ? [] : [...found.members]
  }

  /** In the order in which their ids came first. */
  events(address?: string): readonly FakeEvent[] {
    const all = [...this.eventsById.values()]
    return address === undefined ? all : all.filter((event) => event.address === address)
  }

  /** Values of one field, by address. */
  field(name: string): ReadonlyMap<string, Json | undefined> {
    return new Map([...this.people].map(([address, { dataFields }]) => [address, dataFields[name]]))
  }
}
