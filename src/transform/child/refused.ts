import type { Reason } from '../../model/value.js'

type Facts = Reason['facts']

/**
 * Why a program or the output of a row is not taken: a code of the table and its facts.
 * Recognised by a private brand, since `instanceof` would ask a proxy that the program may have thrown.
 */
export class Refused {
  readonly #brand = true
  readonly code: string
  readonly facts: Facts

  constructor(code: string, facts: Facts) {
    this.code = code
    this.facts = facts
  }

  static is(thrown: unknown): thrown is Refused {
    return typeof thrown === 'object' && thrown !== null && #brand in thrown && thrown.#brand
  }
}
