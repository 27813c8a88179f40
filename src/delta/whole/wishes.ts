import { MatchThread } from './match-thread.js'
import { Matcher, type PartAsked, type PartKept, type PartMatched } from './matcher.js'
import type { ThreadData } from './thread-data.js'
import type { WishPage } from './wish-batch.js'

/** The wishes of an audience by the parts of their addresses, with their fingerprints: a long one in a thread of its own. */
export class Wishes {
  readonly #data: ThreadData
  readonly #aloneBytes: number
  readonly #keptBytes: number
  /** Pages until it is known whether there are many. */
  #waiting: WishPage[] = []
  #waitingBytes = 0
  #matcher: Matcher | MatchThread | undefined

  /**
   * @param aloneBytes  of texts, up to which an audience, or what is kept, is matched in the host's thread
   * @param keptBytes   of what is kept
   */
  constructor(
    data: ThreadData,
    { aloneBytes, keptBytes }: { readonly aloneBytes: number; readonly keptBytes: number },
  ) {
    this.#data = data
    this.#aloneBytes = aloneBytes
    this.#keptBytes = keptBytes
  }

  /** Bytes that the texts of the next page may be written into. */
  spare(): Uint8Array | undefined {
    return this.#matcher instanceof MatchThread ? this.#matcher.spare() : undefined
  }

  /** Takes in what is kept of a part before the audience: a long list has a thread, whatever the audience. */
  async take(part: number, kept: PartKept): Promise<void> {
    const isLong = this.#keptBytes > this.#aloneBytes
    const matcher = this.#matcher ?? (await this.#begin(isLong ? await MatchThread.open(this.#data) : undefined))
    await matcher.take(part, kept)
  }

  /** Takes a page in; its bytes may be gone afterwards. Throws LIST_SPOOL. */
  async add(page: WishPage): Promise<void> {
    if (this.#matcher !== undefined) return await this.#matcher.add(page)
    this.#waiting.push(page)
    this.#waitingBytes += page.bytes.length
    if (this.#waitingBytes <= this.#aloneBytes) return
    await this.#begin(await MatchThread.open(this.#data))
  }

  /** No page follows. Gives the bytes of all wishes that say more than what was taken in. */
  async end(): Promise<number> {
    const matcher = this.#matcher ?? (await this.#begin(undefined))
    return await matcher.end()
  }

  /** What of a part is to be compared as texts, once no page follows; the bytes of what is asked may be gone afterwards. */
  async match(part: PartAsked): Promise<PartMatched> {
    return await (this.#matcher as Matcher | MatchThread).match(part)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#matcher?.close()
  }

  async #begin(thread: MatchThread | undefined): Promise<Matcher | MatchThread> {
    const matcher = thread ?? new Matcher(this.#data)
    this.#matcher = matcher
    for (const page of this.#waiting) await matcher.add(page)
    this.#waiting = []
    return matcher
  }
}
