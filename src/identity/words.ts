import type { Identifier } from '../model/identifier.js'
import { blockWord, pairWord, takenBack } from './by-hand.js'
import { pinRecord } from './pins.js'
import type { Rules } from './rules.js'
import type { Observed, Writer } from './writer.js'

/** What a human may say to a resolver: evidence like any other, which is kept once and can be taken back. */
export class Words {
  /** The namespace that is an address. */
  readonly target: string
  readonly #rules: Rules
  readonly #writer: Writer

  constructor({ target, rules, writer }: { readonly target: string; readonly rules: Rules; readonly writer: Writer }) {
    this.target = target
    this.#rules = rules
    this.#writer = writer
  }

  /**
   * Says that two identifiers are two people, whatever records show: no profile holds both from now on. What joined them
   * is a conflict whose rule is `denied`. It is evidence like any other, and may come before any record of them.
   *
   * Repeat  the same pair again, in either order, changes nothing.
   * Throws  OPTION_INVALID for an identifier that joins nobody anyway, or a pair of the same.
   */
  async deny(a: Identifier, b: Identifier): Promise<Observed> {
    return this.#writer.write([pairWord(this.#rules, 'deny', [a, b])])
  }

  /** Takes a {@link Words.deny} back. Repeat   what was not denied stays so. */
  async allow(a: Identifier, b: Identifier): Promise<Observed> {
    return this.#writer.write([takenBack(pairWord(this.#rules, 'deny', [a, b]))])
  }

  /**
   * Says which address of its person is to be used before all others, also before the one in use: whoever it belongs to
   * has it, and of several the best. It is evidence like {@link Words.deny}. A retired address stays retired.
   *
   * Repeat  the same again changes nothing.
   * Throws  OPTION_INVALID for what is no address, or joins nobody.
   */
  async pin(address: Identifier): Promise<Observed> {
    return this.#writer.write([pinRecord(this.#rules, this.target, address, true)])
  }

  /** Takes a {@link Words.pin} back. Repeat   what was not pinned stays so. */
  async unpin(address: Identifier): Promise<Observed> {
    return this.#writer.write([pinRecord(this.#rules, this.target, address, false)])
  }

  /**
   * Says that two identifiers are one person. Where people are too many for one profile, this counts before all records;
   * what a limit or a {@link Words.deny} forbids stays apart, and is a conflict whose record is the merge.
   * It is evidence like any other, may come before any record, and makes both known.
   *
   * Repeat  the same pair again, in either order, changes nothing.
   * Throws  OPTION_INVALID for an identifier that joins nobody anyway, or a pair of the same.
   */
  async merge(a: Identifier, b: Identifier): Promise<Observed> {
    return this.#writer.write([pairWord(this.#rules, 'merge', [a, b])])
  }

  /** Takes a {@link Words.merge} back; what records show stays. Repeat   what was not merged stays so. */
  async unmerge(a: Identifier, b: Identifier): Promise<Observed> {
    return this.#writer.write([takenBack(pairWord(this.#rules, 'merge', [a, b]))])
  }

  /**
   * Says that a value means nobody, whatever records show: it joins nobody from now on, and leads nowhere. It is
   * evidence like any other, and may come before any record of it.
   *
   * Repeat  the same again changes nothing.
   * Throws  OPTION_INVALID for an identifier that joins nobody anyway.
   */
  async block(identifier: Identifier): Promise<Observed> {
    return this.#writer.write([blockWord(this.#rules, identifier)])
  }

  /** Takes a {@link Words.block} back. Repeat   what was not blocked stays so. */
  async unblock(identifier: Identifier): Promise<Observed> {
    return this.#writer.write([takenBack(blockWord(this.#rules, identifier))])
  }
}
