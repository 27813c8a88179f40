import type { Outcome } from '../model/outcome.js'
import type { Json } from '../model/value.js'
import type { Key, Op, Store } from '../stores/store.js'
import { isSamePrint } from './action-print.js'

/** What is remembered of an action that is no profile. */
export interface Known {
  /** Fingerprint of what was accepted last, unless something else was about to be sent since. */
  readonly accepted: string | undefined
  /** While the cursor has not passed all of them: of what was about to be sent and may have arrived, or has. */
  readonly intents: readonly string[]
}

/** Purchases or carts of one row key that are remembered at a time; of more, the oldest are forgotten. */
export const INTENTS_MAX = 100

const NONE: readonly string[] = []

/** Shape  a fingerprint; or `{ intent, accepted }` while something is not harmless to repeat, with one intent or several. */
export function knownOf(value: Json | undefined): Known {
  if (typeof value === 'string') return { accepted: value, intents: NONE }
  const { intent = NONE, accepted } = (value ?? {}) as { intent?: string | readonly string[]; accepted?: string }
  const intents = typeof intent === 'string' ? [intent] : intent
  return { accepted, intents: accepted === undefined ? intents : [...intents, accepted] }
}

/** An action that was sent. */
interface Sent {
  readonly key: Key | undefined
  readonly fingerprint: string | undefined
  /** A run that died may have sent it. */
  readonly again: boolean
  /** What is remembered of its key, as its page has found it. */
  readonly intended: readonly string[]
}

/** What may have arrived of one row key, as often as it is under way. */
interface Held {
  prints: string[]
  accepted: string | undefined
}

/**
 * Purchases and carts that are under way, by row key: a source may give the same key several times, each with another one, and
 * each of them has to be looked up before it is repeated until the cursor has passed it (I2).
 *
 * Repeat  what a run that died left stays until it was settled again.
 */
export class Intents {
  readonly #held = new Map<string, Held>()

  /** Has at hand what is remembered of these, where that is not at hand yet. */
  async load(store: Store, keys: readonly Key[]): Promise<void> {
    const unknown = keys.filter((key) => !this.#held.has(nameOf(key)))
    if (unknown.length === 0) return
    const values = await store.get('fingerprint', unknown)
    unknown.forEach((key, nth) => {
      const { intents } = knownOf(values[nth])
      if (intents.length > 0) this.#of(key, intents)
    })
  }

  /**
   * The op that writes down that it is about to be sent.
   *
   * @param former  what is remembered of the key, as its page has found it
   */
  intended(key: Key, print: string, former: readonly string[]): Op {
    const held = this.#of(key, former)
    held.prints = [...held.prints, print].slice(-INTENTS_MAX)
    held.accepted = undefined
    return put(key, held)
  }

  /** The op that remembers that it was accepted: with whatever else of its key may have arrived. */
  accepted(key: Key, print: string, former: readonly string[]): Op {
    const held = former.length > 0 ? this.#of(key, former) : this.#held.get(nameOf(key))
    if (held !== undefined) held.accepted = print
    return put(key, held ?? { prints: [], accepted: print })
  }

  /** The ops that remember those of a request that were accepted, or stood already. */
  settled(all: readonly (readonly [Sent, Outcome])[]): readonly Op[] {
    return all.flatMap(([{ key, fingerprint, again, intended }, { status }]) => {
      const isTaken = status === 'accepted' || status === 'unchanged'
      return isTaken && key && fingerprint ? [this.accepted(key, fingerprint, again ? intended : NONE)] : []
    })
  }

  /** It was read again and is known as accepted: it stays so until the cursor has passed it, whatever is sent of its key meanwhile. */
  stands(key: Key, print: string, former: readonly string[]): void {
    const held = this.#of(key, former)
    if (!held.prints.some((one) => isSamePrint(one, print))) held.prints = [...held.prints, print]
    held.accepted = print
  }

  /** The ops for what is not sent again any more, whatever became of it: nothing where it was the only one of its key. */
  finished(all: readonly (readonly [key: Key, print: string])[]): readonly Op[] {
    const left = new Map<Key, Held>()
    for (const [key, print] of all) {
      const held = this.#held.get(nameOf(key))
      if (held === undefined) continue
      const at = held.prints.findIndex((one) => isSamePrint(one, print))
      const isOnly = held.prints.length === 1
      if (at >= 0) held.prints = held.prints.filter((_, nth) => nth !== at)
      if (held.prints.length === 0) this.#held.delete(nameOf(key))
      if (!isOnly && (held.prints.length > 0 || held.accepted !== undefined)) left.set(key, held)
    }
    // Of a key whose last one was refused too nothing is left to remember.
    const kept = [...left].filter(([, { prints, accepted }]) => prints.length > 0 || accepted !== undefined)
    return kept.map(([key, held]) => put(key, held))
  }

  #of(key: Key, former: readonly string[]): Held {
    const name = nameOf(key)
    const held = this.#held.get(name) ?? { prints: [...former], accepted: undefined }
    this.#held.set(name, held)
    return held
  }
}

const nameOf = (key: Key): string => key.slice(2).join('\n')

/** One that is the only one, and accepted, is known by its fingerprint alone. */
function put(key: Key, { prints, accepted }: Held): Op {
  const others = [...new Set(prints)].filter((print) => accepted === undefined || !isSamePrint(print, accepted))
  const [first, ...more] = others
  const intent = more.length > 0 ? others : first
  if (intent === undefined) return { op: 'put', table: 'fingerprint', key, value: accepted as string }
  const value = accepted === undefined ? { intent } : { intent, accepted }
  return { op: 'put', table: 'fingerprint', key, value }
}
