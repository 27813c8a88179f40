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
  /** By profile: the address that is awaited. A person who is awaited is found there alone: see {@link concern}. */
  readonly #people = new Map<string, string>()
  /** How many answers more than one are awaited for a person, where there are. */
  readonly #more = new Map<string, number>()
  /** Of `#people`; made when it is asked for, which few runs do. */
  #addresses: ReadonlySet<string> | undefined
  #settled: Pending[] = []

  add({ bind, address }: Pending): void {
    if (bind === undefined) return
    this.#addresses = undefined
    if (!this.#people.has(bind)) this.#people.set(bind, address)
    else this.#more.set(bind, (this.#more.get(bind) ?? 0) + 1)
  }

  /** It has its outcome, and a binding that this led to stands. */
  settled(one: Pending): void {
    if (one.bind !== undefined) this.#settled.push(one)
  }

  /** What was settled by now is found by whoever looks from now on. */
  begin(): void {
    for (const { bind = '' } of this.#settled) {
      const more = this.#more.size === 0 ? undefined : this.#more.get(bind)
      if (more === undefined) this.#people.delete(bind)
      else if (more === 1) this.#more.delete(bind)
      else this.#more.set(bind, more - 1)
    }
    this.#addresses = undefined
    this.#settled = []
  }

  /** True if a binding that is awaited could give this person another address than the one found. */
  concern(found: Resolution): boolean {
    if (found.status !== 'resolved' || this.#people.size === 0) return false
    const awaited = this.#people.get(found.profileId)
    if (awaited !== undefined && awaited !== found.address) return true
    if (found.alternatives.length === 0) return false
    this.#addresses ??= new Set(this.#people.values())
    const addresses = this.#addresses
    return found.alternatives.some((address) => addresses.has(address))
  }
}
