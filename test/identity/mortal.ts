import type { Store } from '../../src/stores/store.js'

/** The store as one process sees it, which dies at its n-th commit (from 0): before it took effect, or after. */
export class Mortal implements Store {
  readonly supports = { durable: false, shared: false }
  /** Commits that were begun. */
  commits = 0
  /** The most ops of one commit. */
  opsMost = 0
  readonly #base: Store
  readonly #death: { readonly at: number; readonly after: boolean } | undefined
  #dead = false

  constructor(base: Store, death?: { readonly at: number; readonly after: boolean }) {
    this.#base = base
    this.#death = death
  }

  get: Store['get'] = (table, keys) => this.#alive(() => this.#base.get(table, keys))
  scan: Store['scan'] = (table, range) => this.#alive(() => this.#base.scan(table, range))
  commit: Store['commit'] = (ops) =>
    this.#alive(async () => {
      const dies = this.commits++ === this.#death?.at
      this.opsMost = Math.max(this.opsMost, ops.length)
      if (dies && this.#death?.after === false) this.#die()
      await this.#base.commit(ops)
      if (dies) this.#die()
    })

  async close(): Promise<void> {}

  #die(): never {
    this.#dead = true
    throw new Error('died')
  }

  async #alive<Result>(act: () => Promise<Result>): Promise<Result> {
    if (this.#dead) throw new Error('died')
    return act()
  }
}
