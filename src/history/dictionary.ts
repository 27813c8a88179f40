import type { ActionEnd } from './place.js'

/** Numbers for what is said again and again: what became of an action, and of the actions of one person in one row. */
export class Dictionary {
  readonly ends: ActionEnd[] = []
  /** Sets of ends, each a list of their numbers; one is there as often as that many actions ended so. */
  readonly combos: (readonly number[])[] = []
  readonly #ends = new Map<string, number>()
  readonly #combos = new Map<string, number>()
  readonly #reasonsMax: number
  #reasons = 0

  /** @param reasonsMax  reasons that are kept with their facts; of further ones only the code is */
  constructor(reasonsMax = Number.POSITIVE_INFINITY) {
    this.#reasonsMax = reasonsMax
  }

  end(end: ActionEnd): number {
    const { kind, status, list = '', member = '', reason } = end
    const name = `${kind} ${status} ${member} ${list}`
    if (reason === undefined) return this.#numberOf(name, end)
    const whole = `${name} ${JSON.stringify([reason.code, reason.facts])}`
    const known = this.#ends.get(whole)
    if (known !== undefined) return known
    if (this.#reasons >= this.#reasonsMax) {
      return this.#numberOf(`${name} ${reason.code}`, { ...end, reason: { code: reason.code, facts: {} } })
    }
    this.#reasons += 1
    return this.#numberOf(whole, end)
  }

  #numberOf(name: string, end: ActionEnd): number {
    const known = this.#ends.get(name)
    if (known !== undefined) return known
    const number = this.ends.push(end) - 1
    this.#ends.set(name, number)
    return number
  }

  combo(numbers: readonly number[]): number {
    const name = numbers.length === 1 ? String(numbers[0]) : numbers.join()
    const known = this.#combos.get(name)
    if (known !== undefined) return known
    const number = this.combos.push(numbers) - 1
    this.#combos.set(name, number)
    return number
  }
}
