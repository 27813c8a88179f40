import type { Resolution } from '../identity/resolver.js'
import type { Pending } from './page.js'

/**
 * Who will be bound to which address once the destination has answered. An address depends on profile and binding (I5), so
 * that a person for whom a binding is awaited cannot be looked up before it stands, lest the answer depend on how long
 * answers take (I9).
 *
 * Upholds  I12: an entry goes when its answer is remembered, at the beginning of the next page.
 */
export class AwaitedBindings {
  /** By profile and by address: how many answers are awaited. */
  readonly #people = new Map<string, { readonly address: string; count: number }>()
  readonly #addresses = new Map<string, number>()
  #settled: Pending[] = []

  add({ bind, address }: Pending): void {
    if (bind === undefined) return
    const person = this.#people.get(bind)
    if (person === undefined) this.#people.set(bind, { address, count: 1 })
    else person.count += 1
    this.#addresses.set(address, (this.#addresses.get(address) ?? 0) + 1)
  }

  /** It has its outcome, and a binding that this led to stands. */
  settled(one: Pending): void {
    if (one.bind !== undefined) this.#settled.push(one)
  }

  /** What was settled by now is found by whoever looks from now on. */
  begin(): void {
    for (const { bind = '', address } of this.#settled) {
      const person = this.#people.get(bind)
      if (person !== undefined && --person.count === 0) this.#people.delete(bind)
      const left = (this.#addresses.get(address) ?? 0) - 1
      if (left > 0) this.#addresses.set(address, left)
      else this.#addresses.delete(address)
    }
    this.#settled = []
  }

  /** True if a binding that is awaited could give this person another address than the one found. */
  concern(found: Resolution): boolean {
    if (found.status !== 'resolved' || this.#addresses.size === 0) return false
    const person = this.#people.get(found.profileId)
    if (person !== undefined && person.address !== found.address) return true
    return found.alternatives.some((address) => this.#addresses.has(address))
  }
}
