import { listText } from '../delta/list-state.js'
import type { ListRef } from '../model/action.js'
import { type Key, keyPart, type Op } from '../stores/store.js'
import { checkpointKey } from './checkpoint.js'
import type { RunContext } from './context.js'

const HOUR_MS = 3_600_000
const HOURS_MAX = 24
/** A clock that was set back leaves hours that have not come: looked at, and dropped, up to this many. */
const SCAN_MAX = 1_000

type Shared = Pick<RunContext, 'store' | 'scope' | 'commits' | 'clock'>

/**
 * How many members a sync has removed from a list within a day, hour by hour, so that many small steps cannot do what the
 * guard forbids to one.
 *
 * Upholds  I11. Counted before a removal goes out: one that a crash left unknown counts twice, and never not at all.
 */
export class DayOfRemovals {
  readonly #context: Shared
  readonly #prefix: Key
  readonly #hours: Map<number, number>
  #last: Promise<unknown> = Promise.resolve()

  private constructor(context: Shared, prefix: Key, hours: Map<number, number>) {
    this.#context = context
    this.#prefix = prefix
    this.#hours = hours
  }

  static async of(context: Shared, list: ListRef): Promise<DayOfRemovals> {
    const prefix = [...checkpointKey(context.scope), keyPart(listText(list))]
    const entries = await context.store.scan('removed', { prefix, limit: SCAN_MAX })
    return new DayOfRemovals(
      context,
      prefix,
      new Map(entries.map(({ key, value }) => [Number(key.at(-1)), Number(value)])),
    )
  }

  /** In this hour and the 24 before it, and in hours that the clock has yet to come to. */
  get removed(): number {
    let sum = 0
    for (const [hour, count] of this.#hours) if (hour >= this.#now - HOURS_MAX) sum += count
    return sum
  }

  async add(count: number): Promise<void> {
    const now = this.#now
    this.#hours.set(now, (this.#hours.get(now) ?? 0) + count)
    const main: Op[] = [{ op: 'put', table: 'removed', key: this.#key(now), value: this.#hours.get(now) ?? 0 }]
    for (const hour of this.#hours.keys()) {
      if (hour >= now - HOURS_MAX) continue
      main.push({ op: 'delete', table: 'removed', key: this.#key(hour) })
      this.#hours.delete(hour)
    }
    // One after the other: an older sum must not be written over a newer one.
    const turn = this.#last.then(() => this.#context.commits.commit({ main }))
    this.#last = turn.catch(() => undefined)
    await turn
  }

  get #now(): number {
    return Math.floor(this.#context.clock.now() / HOUR_MS)
  }

  #key(hour: number): Key {
    return [...this.#prefix, String(hour).padStart(10, '0')]
  }
}
