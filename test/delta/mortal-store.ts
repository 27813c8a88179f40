import type { Op, Store } from '../../src/stores/store.js'

/** Where a process can die. */
const MOMENTS = [
  'while noting',
  'while planning',
  'while intending',
  'between intent and call',
  'between call and settling',
  'while settling',
  'while comparing',
] as const
type Moment = (typeof MOMENTS)[number]

/** The process is gone. */
export class Crash extends Error {
  readonly when: Moment

  constructor(when: Moment) {
    super(`died ${when}`)
    this.when = when
  }
}

/** The store as one process sees it: that process can die at a commit, before or after it took effect. */
export class MortalStore implements Store {
  readonly supports = { durable: false, shared: false }
  readonly #base: Store
  #death: { readonly when: Moment; left: number; readonly after: boolean } | undefined
  #dead = false
  /** What the process is doing. */
  when: Moment = 'while noting'
  /** Commits that took effect. */
  written = 0

  constructor(base: Store) {
    this.#base = base
  }

  /** @param when  default: any moment of a run */
  dieSoon(dice: (n: number) => number, when = MOMENTS[dice(MOMENTS.length - 1)] as Moment): void {
    // A plan commits seldom: its first commit is the one to die at.
    this.#death = {
      when,
      left: when === 'while planning' || when === 'while comparing' ? 0 : dice(3),
      after: dice(2) === 0,
    }
  }

  get: Store['get'] = (table, keys) => this.#alive(() => this.#base.get(table, keys))
  scan: Store['scan'] = (table, range) => this.#alive(() => this.#base.scan(table, range))

  async close(): Promise<void> {}

  async commit(ops: readonly Op[]): Promise<void> {
    await this.#alive(async () => {
      const death = this.#death
      const dies = death?.when === this.when && death.left-- === 0
      if (dies && !death.after) this.#die()
      await this.#base.commit(ops)
      this.written += 1
      if (dies) this.#die()
    })
  }

  #die(): never {
    this.#dead = true
    throw new Crash(this.when)
  }

  async #alive<T>(act: () => Promise<T>): Promise<T> {
    if (this.#dead) throw new Crash(this.when)
    return await act()
  }
}
