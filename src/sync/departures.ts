import { hash } from 'node:crypto'
import type { ActionKind } from '../model/action.js'
import type { Json } from '../model/value.js'
import type { Key, Op, Store } from '../stores/store.js'
import { isAfter, type Order } from './order.js'

/** What is known of somebody who has left. */
export interface Departed {
  /** How often, between whiles in which something was sent about them. What was sent before counts for nothing any more. */
  readonly times: number
  /** False once something was sent about them again. */
  readonly gone: boolean
  /** Forgotten: nothing is sent about them any more. */
  readonly forever: boolean
  /** When, as ISO 8601. */
  readonly at: string
  /** When the row that said so was read, and by which sync; absent where no row did. */
  readonly by?: readonly [sync: string, turn: number, row: number]
}

/** True for what was read, or where nobody knows that kept, before somebody left: their leaving is the newer word (I6). */
export function isBefore(
  { at, by }: Departed,
  { order, keptAt, sync }: { readonly order: Order | undefined; readonly keptAt: string; readonly sync: string },
): boolean {
  if (order === undefined || by === undefined || by[0] !== sync) return keptAt <= at
  const left: Order = [by[1], by[2]]
  return isAfter(left, order) || (!isAfter(order, left) && keptAt <= at)
}

const LOOKUP_MAX = 10_000

/**
 * Who was forgotten or deleted, for all syncs of a project: in table `departed`, under a digest of the address, so that
 * nothing is kept of whom nothing is to be kept.
 *
 * Cost    nothing while nobody has ever left; else one look-up a page.
 */
export class Departures {
  readonly #store: Store
  readonly #project: string
  #any: boolean

  private constructor(store: Store, project: string, any: boolean) {
    this.#store = store
    this.#project = project
    this.#any = any
  }

  static async of(store: Store, project: string): Promise<Departures> {
    const first = await store.scan('departed', { prefix: [project], limit: 1 })
    return new Departures(store, project, first.length > 0)
  }

  /** False while nobody has ever left. */
  get any(): boolean {
    return this.#any
  }

  /** Those of them who have ever left. */
  async among(addresses: readonly string[]): Promise<Map<string, Departed>> {
    if (!this.#any) return new Map()
    const found = new Map<string, Departed>()
    const unique = [...new Set(addresses)]
    for (let at = 0; at < unique.length; at += LOOKUP_MAX) {
      const asked = unique.slice(at, at + LOOKUP_MAX)
      const values = await this.#store.get(
        'departed',
        asked.map((address) => this.#key(address)),
      )
      asked.forEach((address, nth) => {
        if (values[nth] !== undefined) found.set(address, values[nth] as unknown as Departed)
      })
    }
    return found
  }

  /** Ops for those whose leaving the destination has accepted; of them, `back` were written to again since. */
  async left(leaving: readonly Leaving[], at: string, back: ReadonlySet<string> = new Set()): Promise<Op[]> {
    if (leaving.length === 0) return []
    this.#any = true
    const before = await this.among(leaving.map(({ address }) => address))
    return leaving.map(({ address, kind, by }) => {
      const { times = 0, forever = false, gone = false } = before.get(address) ?? {}
      const isSo = forever || (gone && kind === 'delete')
      return this.#put(address, {
        times: isSo ? times : times + 1,
        gone: forever || kind === 'forget' || !back.has(address),
        forever: forever || kind === 'forget',
        at,
        ...(by === undefined ? {} : { by }),
      })
    })
  }

  /** The op for somebody about whom something is sent again. */
  back(address: string, departed: Departed): Op {
    return this.#put(address, { ...departed, gone: false })
  }

  #put(address: string, departed: Departed): Op {
    return { op: 'put', table: 'departed', key: this.#key(address), value: departed as unknown as Json }
  }

  #key(address: string): Key {
    return [this.#project, hash('sha256', address)]
  }
}

export interface Leaving {
  readonly address: string
  readonly kind: ActionKind
  readonly by?: Departed['by']
}
