import type { Conversion, OnFail } from '../../spark.js'
import { type Complete, isAbsent, isStruct, type OptionRules, oneOf, optionReader } from './given.js'

/** Why a value cannot be converted: its kind, never the value. */
export class Problem {
  readonly kind: 'type' | 'range'
  readonly text: string

  constructor(kind: 'type' | 'range', text: string) {
    this.kind = kind
    this.text = text
  }
}

const isWord = oneOf('throw', 'null', 'undefined')
const isOnFail = (value: unknown): boolean => isWord(value) || (isStruct(value) && Object.hasOwn(value, 'value'))

/** A helper from a function that gives the value, or the problem with it, which `onFail` then decides. */
export function conversion<T, O extends object = Record<never, never>>(
  helper: string,
  rules: OptionRules<O>,
  convert: (value: unknown, options: Complete<O>) => T | Problem,
): Conversion<T, O> {
  type All = O & { readonly onFail: OnFail<T> }
  const read = optionReader<All>(helper, { ...rules, onFail: ['throw', isOnFail] } as unknown as OptionRules<All>)
  const helped = (value: unknown, given?: unknown): unknown => {
    const options = read(given)
    if (isAbsent(value)) return value
    const made = convert(value, options as unknown as Complete<O>)
    if (!(made instanceof Problem)) return made
    const onFail = options.onFail as OnFail<T>
    if (onFail === 'null') return null
    if (onFail === 'undefined') return undefined
    if (onFail !== 'throw') return onFail.value
    throw new (made.kind === 'type' ? TypeError : RangeError)(`${helper}: ${made.text}`)
  }
  return helped as Conversion<T, O>
}
