import { Match } from './match.js'
import { viewOf } from './record.js'
import type { ThreadData } from './thread-data.js'
import { type WishPage, WishSpool } from './wish-spool.js'

/** Parts of an audience, and what is known of their addresses besides. */
export interface PartAsked {
  readonly parts: readonly number[]
  /** Parts that are asked for next. */
  readonly next: readonly number[]
  /** Places that are kept (kept-block.ts). */
  readonly places: Uint8Array
  readonly count: number
  /** Hashes of addresses of which the log tells. */
  readonly told: Int32Array
  /** Whether a place that no wish has shown is open. */
  readonly opensUnseen: boolean
}

/** What of a part is to be compared as texts: match.ts. */
export interface PartMatched {
  /** Which places are open. */
  readonly open: Int32Array
  /** Records of wishes. */
  readonly wishes: Uint8Array
}

/** Sorts an audience into parts, and compares them with what is kept: in the host's thread, or in one of its own. */
export class Matcher {
  readonly #spool: WishSpool
  readonly #match = new Match()
  /** Bytes that the wishes of a part were read into. */
  #spare: Uint8Array | undefined
  /** The wishes that are asked for next. */
  #ahead: { readonly parts: string; readonly wishes: Promise<Uint8Array> } | undefined

  constructor({ directory, key }: ThreadData) {
    this.#spool = new WishSpool(directory, key)
  }

  /** Bytes of all wishes. */
  get bytes(): number {
    return this.#spool.bytes
  }

  async add(page: WishPage): Promise<void> {
    await this.#spool.add(page)
  }

  async match({ parts, next, places, count, told, opensUnseen }: PartAsked): Promise<PartMatched> {
    const isAhead = this.#ahead?.parts === String(parts)
    const wishes = await (isAhead ? this.#ahead?.wishes : this.#read(parts))
    this.#ahead = next.length === 0 ? undefined : { parts: String(next), wishes: this.#read(next) }
    this.#ahead?.wishes.catch(() => undefined) // told when it is asked for
    this.#match.begin(viewOf(places), count)
    for (const hash of told) this.#match.open(hash)
    await this.#match.wish(wishes as Uint8Array)
    if (opensUnseen) this.#match.openUnseen()
    const matched = { open: this.#match.openPlaces(), wishes: this.#match.openWishes() }
    this.#spare = wishes
    return matched
  }

  async close(): Promise<void> {
    await this.#ahead?.wishes.catch(() => undefined)
    await this.#spool.close()
  }

  #read(parts: readonly number[]): Promise<Uint8Array> {
    const room = this.#spare
    this.#spare = undefined
    return this.#spool.read(parts, room)
  }
}
