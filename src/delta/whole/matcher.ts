import { Match, type Open } from './match.js'
import type { ThreadData } from './thread-data.js'
import type { WishPage } from './wish-batch.js'
import { recordsOfWishes, WishSpool } from './wish-spool.js'

/** What is kept of a part, and what is known of its addresses besides. */
export interface PartKept {
  /** Of the places that are kept (kept-block.ts). */
  readonly prints: Uint8Array
  /** Hashes of addresses of which the log tells. */
  readonly told: Int32Array
}

/** Parts of an audience. */
export interface PartAsked {
  readonly parts: readonly number[]
  /** Parts that are asked for next. */
  readonly next: readonly number[]
  /** Undefined: it was taken in before the audience. */
  readonly kept: PartKept | undefined
  /** Whether a place that no wish has shown is open. */
  readonly opensUnseen: boolean
}

/** What of a part is to be compared as texts: match.ts. */
export interface PartMatched {
  /** Places that are kept. */
  readonly count: number
  readonly open: Open
  /** Records of wishes. */
  readonly wishes: Uint8Array
}

/** Sorts an audience into parts, and compares them with what is kept: in the host's thread, or in one of its own. */
export class Matcher {
  readonly #spool: WishSpool
  readonly #matches: (Match | undefined)[] = []
  /** Bytes that the wishes of a part were read into. */
  #spare: Uint8Array | undefined
  /** The wishes that are asked for next. */
  #ahead: { readonly parts: string; readonly wishes: Promise<Uint8Array> } | undefined

  constructor({ directory, key }: ThreadData) {
    this.#spool = new WishSpool(directory, key, this.#matches)
  }

  /** What is kept of a part, before the audience: of its wishes only those are spooled then that say more than that. */
  take(part: number, kept: PartKept): void {
    this.#matches[part] = matchOf(kept)
  }

  async add(page: WishPage): Promise<void> {
    await this.#spool.add(page)
  }

  /** No page follows. Gives the bytes of all wishes that were spooled. */
  async end(): Promise<number> {
    await this.#spool.sort()
    return this.#spool.bytes
  }

  async match({ parts, next, kept, opensUnseen }: PartAsked): Promise<PartMatched> {
    const isAhead = this.#ahead?.parts === String(parts)
    const read = (await (isAhead ? this.#ahead?.wishes : this.#read(parts))) as Uint8Array
    this.#ahead = next.length === 0 ? undefined : { parts: String(next), wishes: this.#read(next) }
    this.#ahead?.wishes.catch(() => undefined) // told when it is asked for
    const match = kept === undefined ? this.#taken(parts) : matchOf(kept)
    const wishes = await recordsOfWishes(read, kept && match)
    this.#spare = read
    return { count: match.count, open: match.ended(opensUnseen), wishes }
  }

  async close(): Promise<void> {
    await this.#ahead?.wishes.catch(() => undefined)
    await this.#spool.close()
  }

  #taken(parts: readonly number[]): Match {
    const [part = -1] = parts
    const match = this.#matches[part] as Match
    this.#matches[part] = undefined
    return match
  }

  #read(parts: readonly number[]): Promise<Uint8Array> {
    const room = this.#spare
    this.#spare = undefined
    return this.#spool.read(parts, room)
  }
}

function matchOf({ prints, told }: PartKept): Match {
  const match = new Match(prints)
  for (const hash of told) match.open(hash)
  return match
}
