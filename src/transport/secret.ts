import { inspect } from 'node:util'
import { LakeloopError } from '../errors.js'

/** A credential, or a function that gives one; the function is asked again when the credential was refused. */
export type SecretSource = string | (() => string | Promise<string>)

/** What a header can carry. A value beyond it would be quoted by the error of whoever builds the header. */
const PRINTABLE = /^[\x21-\x7e]{1,4096}$/

/**
 * A credential that no log can print: it lives in a private field, and every way to show the object says `[redacted]`.
 *
 * Upholds I7.
 */
export class Secret {
  readonly #source: SecretSource
  readonly #part: string
  readonly #option: string
  #value: string | undefined

  constructor(source: SecretSource | undefined, named: { readonly part: string; readonly option: string }) {
    this.#part = named.part
    this.#option = named.option
    if (source === undefined || source === null || source === '') this.#missing()
    this.#source = source
    if (typeof source === 'string') this.#value = this.#checked(source)
    else if (typeof source !== 'function') this.#invalid('must be a string or a function that returns one')
  }

  /** The credential. A function is asked once, and again after {@link renew}. Throws CREDENTIALS_MISSING. */
  async reveal(): Promise<string> {
    this.#value ??= await this.#ask()
    return this.#value
  }

  /** After a refusal of `refused`: true if the function now gives another credential. False for a plain string. */
  async renew(refused: string): Promise<boolean> {
    if (typeof this.#source === 'string') return false
    if (this.#value === undefined || this.#value === refused) this.#value = await this.#ask()
    return this.#value !== refused
  }

  toString(): string {
    return '[redacted]'
  }

  toJSON(): string {
    return '[redacted]'
  }

  [inspect.custom](): string {
    return '[redacted]'
  }

  async #ask(): Promise<string> {
    let given: unknown
    try {
      given = typeof this.#source === 'string' ? this.#source : await this.#source()
    } catch (cause) {
      throw new LakeloopError('CREDENTIALS_MISSING', { part: this.#part, option: this.#option }, cause)
    }
    return this.#checked(given)
  }

  #checked(given: unknown): string {
    if (given === undefined || given === null || given === '') this.#missing()
    if (typeof given !== 'string' || !PRINTABLE.test(given))
      this.#invalid('is not 1 to 4,096 printable ASCII characters')
    return given as string
  }

  #missing(): never {
    throw new LakeloopError('CREDENTIALS_MISSING', { part: this.#part, option: this.#option })
  }

  #invalid(problem: string): never {
    throw new LakeloopError('OPTION_INVALID', { part: this.#part, option: this.#option, problem })
  }
}
