import type { Json } from '../model/value.js'

/** NULL and a field that is not there stay what they are, in every helper: `null` gives `null`, `undefined` itself. */
export type Absent<V> = unknown extends V ? null | undefined : Extract<V, null | undefined>

/** What a helper takes where a struct, a map or a vector should be. */
export type Nested = object | null | undefined

export type Fields = { [name: string]: Json }

/** What becomes of a value that cannot be converted: an error (default), `null`, `undefined`, or a value of your own. */
export type OnFail<T> = 'throw' | 'null' | 'undefined' | { readonly value: T }

export type Failed<F> = F extends { readonly value: infer T }
  ? T
  : F extends 'null'
    ? null
    : F extends 'undefined'
      ? undefined
      : never

export interface FlattenOptions {
  /** Levels below the first that are flattened, 0 to 100; what lies deeper stays an object. Default: all. */
  readonly depth?: number
  /** Between the names of a path. Default `_`; a dot is refused by Iterable, which reads it as a path. */
  readonly separator?: string
  /**
   * `keep` (default) leaves an array as it is, a field that Iterable can segment by; `index` makes a field of each
   * element (`tags_0`), `json` its text, `drop` nothing.
   */
  readonly arrays?: 'keep' | 'index' | 'json' | 'drop'
}

export interface EntryNames {
  /** Default `key`. */
  readonly key?: string
  /** Default `value`. */
  readonly value?: string
}

export interface TopKForms {
  readonly entries: { key: string; value: number }[]
  readonly object: { [name: string]: number }
  readonly names: string[]
}

export interface TopKOptions<A extends keyof TopKForms> {
  /** `value` (default): the largest first. `abs`: those farthest from zero first. */
  readonly by?: 'value' | 'abs'
  /** Default `entries`. JavaScript puts names that are whole numbers first in an `object`, whatever their rank. */
  readonly as?: A
}

export interface VectorOptions {
  /** Elements that a vector may have, 0 to 1,000,000. Default 10,000. */
  readonly sizeMax?: number
}

export interface PickOptions {
  /** What a field that is not there does: left out (`omit`, default), `null`, or an error. */
  readonly missing?: 'omit' | 'null' | 'throw'
}

export interface DateOptions {
  /** What a number counts, since 1970-01-01 in UTC. `none` (default): a number is an error, whatever `onFail` says. */
  readonly epoch?: 'none' | 'seconds' | 'milliseconds'
}

export interface CentsOptions {
  /**
   * What becomes of digits behind the second decimal that are not zero: refused (default), or rounded. `half-up` takes
   * a half away from zero, `half-even` to the even cent, `down` cuts towards zero.
   */
  readonly rounding?: 'refuse' | 'half-even' | 'half-up' | 'down'
}

/** A helper that makes one type of value of many, or fails. */
export type Conversion<T, O = Record<never, never>> = <V, F extends OnFail<T> = 'throw'>(
  value: V,
  options?: O & { readonly onFail?: F },
) => T | Absent<V> | Failed<F>

/** Conversions of one value each; the rules are a table in docs/spark.md. */
export interface Coerce {
  /**
   * A finite number. Text that is a decimal number counts, also with an exponent and with space around it; `''`, `0x10`
   * and `1,000` do not. Beyond 2^53 - 1 text counts where JSON would write the same digits.
   *
   * @example spark.coerce.number(' 1.5e3 ') // 1500
   */
  readonly number: Conversion<number>
  /**
   * A whole number of at most 2^53 - 1, by the rules of `number`. A fraction fails and is never cut.
   *
   * @example spark.coerce.integer('42.0') // 42
   */
  readonly integer: Conversion<number>
  /**
   * `true`, `t`, `yes`, `y`, `1` and their opposites in any case, as Spark casts text; the numbers 1 and 0.
   *
   * @example spark.coerce.boolean('Yes') // true
   */
  readonly boolean: Conversion<boolean>
  /**
   * Text as it is, finite numbers as JSON writes them, `true` and `false`. Objects, arrays and dates fail.
   *
   * @example spark.coerce.string(42) // '42'
   */
  readonly string: Conversion<string>
}

/**
 * Helpers for values that come from a lakehouse, handed to a transform as `spark`. Pure: no clock, no chance, no locale.
 * What they are given is never changed; what they return may share arrays and objects with it.
 *
 * Throws  TypeError or RangeError, which rejects the row alone. Its message names the helper and the kind of problem, of
 *         `flatten` and `pick` also the field, and never a value.
 */
export interface Spark {
  /**
   * The fields of a struct and of the structs in it, as one level. A field that is `null` stays; an empty struct gives
   * no field. A map whose keys are text is a struct too.
   *
   * Throws  TypeError where two paths give one name; RangeError beyond 100 levels
   *
   * @example spark.flatten({ name: 'Ada', address: { city: 'Wien' } }) // { name: 'Ada', address_city: 'Wien' }
   */
  flatten<V extends Nested>(struct: V, options?: FlattenOptions): Fields | Absent<V>

  /**
   * A map as an object, in either form in which one arrives. Keys that are numbers or booleans become text.
   *
   * Throws  TypeError where a key is anything else, or two keys give one name
   *
   * @example spark.mapToObject([{ key: 7, value: 'seven' }]) // { 7: 'seven' }
   */
  mapToObject<V extends Nested>(map: V): Fields | Absent<V>

  /**
   * A map as a list of entries, in its order; keys stay what they are. Each entry stays, also beside one of the same key.
   *
   * @example spark.mapToEntries({ a: 1 }, { key: 'feature' }) // [{ feature: 'a', value: 1 }]
   */
  mapToEntries<V extends Nested>(map: V, names?: EntryNames): Fields[] | Absent<V>

  /**
   * All elements of a vector of Spark ML, dense or sparse, or of a plain array of numbers; always a new array.
   *
   * Throws  TypeError for what is no vector of finite numbers; RangeError where sizes differ, where indices are out of
   *         range or not ascending, and beyond `sizeMax`
   *
   * @example spark.vectorToDense({ type: 0, size: 3, indices: [1], values: [0.5] }) // [0, 0.5, 0]
   */
  vectorToDense<V extends Nested>(vector: V, options?: VectorOptions): number[] | Absent<V>

  /**
   * The `k` entries of a map with the largest numbers, best first; equal ones by name, in the order of code points (that
   * of UTF-8 bytes). NULL, NaN, infinities and what was left out have no rank and are passed over.
   *
   * Throws  TypeError for a value that is no number, or for keys as in `mapToObject`; RangeError for a bad `k`
   *
   * @example spark.topK({ tenure: 0.1, price: -0.7 }, 1, { by: 'abs', as: 'names' }) // ['price']
   */
  topK<V extends Nested, A extends keyof TopKForms = 'entries'>(
    map: V,
    k: number,
    options?: TopKOptions<A>,
  ): TopKForms[A] | Absent<V>

  /**
   * Some fields of a struct, under their own names or, as `{ to: from }`, under others. Names are no paths.
   *
   * Throws  TypeError for a field that is not there, where `missing` is `throw`
   *
   * @example spark.pick({ a: 1, b: 2 }, { alpha: 'a' }) // { alpha: 1 }
   */
  pick<V extends Nested>(
    struct: V,
    fields: readonly string[] | { readonly [to: string]: string },
    options?: PickOptions,
  ): Fields | Absent<V>

  readonly coerce: Coerce

  /**
   * A day or a moment as the text that Iterable takes for a date, `yyyy-MM-ddTHH:mm:ss.SSSZ` in UTC. A day is its
   * midnight in UTC, text without a zone is UTC, digits behind the millisecond are cut. Years 1 to 9999.
   *
   * Source  Iterable help 208183076, as coded in block/iterable-go `types/data_types.go`
   *
   * @example spark.iterableDate('2026-03-15') // '2026-03-15T00:00:00.000Z'
   */
  readonly iterableDate: Conversion<string, DateOptions>

  /**
   * An amount as whole cents, of at most 2^53 - 1, without an error of floating point: a number counts as the digits
   * that JavaScript writes for it.
   *
   * @example spark.cents('12.34') // 1234
   */
  readonly cents: Conversion<number, CentsOptions>
}
