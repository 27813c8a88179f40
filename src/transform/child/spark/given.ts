/** What a program hands to a helper, checked before it is used. */

/** Each option: its default, and whether a value is one of its values. */
export type OptionRules<O> = {
  readonly [N in keyof O]-?: readonly [preset: NonNullable<O[N]>, isValid: (value: unknown) => boolean]
}

/** Options of which each is there. */
export type Complete<O> = { readonly [N in keyof O]-?: NonNullable<O[N]> }

/** Gives the options with their defaults. It throws TypeError for one that is not there, or that has no such value. */
export function optionReader<O extends object>(helper: string, rules: OptionRules<O>): (given: unknown) => Complete<O> {
  const presets = Object.fromEntries(Object.keys(rules).map((name) => [name, rules[name as keyof O][0]]))
  return (given) => {
    if (given === undefined) return presets as Complete<O>
    if (!isStruct(given)) throw new TypeError(`${helper}: options have to be an object`)
    const options = { ...presets }
    for (const [name, value] of Object.entries(given)) {
      if (!Object.hasOwn(rules, name)) throw new TypeError(`${helper}: there is no option ${name}`)
      if (value === undefined) continue
      if (!rules[name as keyof O][1](value)) throw new TypeError(`${helper}: no value of the option ${name}`)
      options[name] = value as (typeof presets)[string]
    }
    return options as Complete<O>
  }
}

export const oneOf =
  (...values: readonly string[]) =>
  (value: unknown): boolean =>
    values.includes(value as string)

export const wholeUpTo =
  (max: number) =>
  (value: unknown): boolean =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max

export const isText = (value: unknown): value is string => typeof value === 'string'

export const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined

/** An object such as JSON makes: no array, no date, nothing of a class. */
export function isStruct(value: unknown): value is { readonly [name: string]: unknown } {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
