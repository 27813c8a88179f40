import type { ListRef } from '../../src/model/action.js'
import type { Dice, FaultName } from './list-faults.js'
import type { Said, Snapshot } from './list-model.js'

export const LISTS: readonly ListRef[] = ['at-risk', 7]
const CLAIMANTS = 9
/** Fewer than claimants, so that some share one; their orders by UTF-8, by UTF-16 and by locale differ. */
export const ADDRESSES = ['a', 'B', 'é', '\uff21', '😀', 'z'].map((name) => `${name}@x`)
/** One reading of a source: what it says, list by list, and whether that is everybody. */
export interface Reading {
  readonly owner: string
  readonly epoch: string
  readonly pages: readonly (readonly (Said & { readonly list: ListRef })[])[]
  readonly complete: boolean
  /** Pages that are noted for sure. */
  noted: number
  /** Lists at whose plan it died: only going on with the same reading, up to that plan, tells what was decided. */
  readonly undecided: Set<ListRef>
  /** By hand, without a sync: each list is planned with its own wishes. */
  readonly alone: boolean
}

/** The rows of one sync: who exists, where, and on which lists. */
export class People {
  readonly #owner: string
  readonly #dice: Dice
  readonly #met: (fault: FaultName) => void
  readonly #here = new Map<string, { address: string; on: ReadonlySet<ListRef> }>()
  #readings = 0
  /** Nothing goes wrong any more. */
  calm = false

  constructor(owner: string, { dice, met }: { dice: Dice; met: (fault: FaultName) => void }) {
    this.#owner = owner
    this.#dice = dice
    this.#met = met
  }

  get size(): number {
    return this.#here.size
  }

  /** The reading that was begun last. */
  get scope(): Snapshot {
    return { owner: this.#owner, epoch: `e${this.#readings}` }
  }

  /** Addresses of those who are to be on a list. */
  on(list: ListRef): readonly string[] {
    return [...this.#here.values()].filter(({ on }) => on.has(list)).map(({ address }) => address)
  }

  move(from: string, to: string): void {
    for (const [claimant, person] of this.#here) {
      if (person.address === from) this.#here.set(claimant, { ...person, address: to })
    }
  }

  /** Somebody comes, goes, moves or changes their mind. */
  time(): void {
    for (let times = this.#dice(5); times > 0; times -= 1) {
      const claimant = String(this.#dice(CLAIMANTS))
      if (this.#dice(4) === 0) this.#here.delete(claimant)
      else {
        const address = ADDRESSES[this.#dice(ADDRESSES.length)] as string
        this.#here.set(claimant, { address, on: new Set(LISTS.filter(() => this.#dice(4) > 0)) })
      }
    }
  }

  /** Everybody there is, some of them undecided or rejected, on pages in no order. */
  snapshot(): Reading {
    const rows = [...this.#here.keys()].sort(() => this.#dice(3) - 1).flatMap((claimant) => this.#rowsOf(claimant))
    return this.readingOf(rows, true)
  }

  changes(): Reading {
    const rows = Array.from({ length: this.#dice(5) }, () => String(this.#dice(CLAIMANTS)))
    return this.readingOf(
      rows.flatMap((claimant) => this.#rowsOf(claimant)),
      false,
    )
  }

  #rowsOf(claimant: string): (Said & { list: ListRef })[] {
    const person = this.#here.get(claimant)
    const luck = this.calm ? 9 : this.#dice(10)
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

  readingOf(rows: readonly (Said & { list: ListRef })[], complete: boolean): Reading {
    const pages = []
    for (let at = 0; at < rows.length; ) {
      const size = 1 + this.#dice(8)
      pages.push(rows.slice(at, at + size))
      at += size
    }
    this.#readings += 1
    return { ...this.scope, pages, complete, noted: 0, undecided: new Set(), alone: this.#dice(5) === 0 }
  }
}
