import type { Coerce } from '../../spark.js'
import { conversion, Problem } from './conversion.js'
import { decimalOf, isSame } from './decimal.js'

const notConvertible = (what: string): Problem => new Problem('type', `what is given is no ${what}`)

/** `true` and `false` count as 1 and 0, as in Spark. */
function toNumber(value: unknown): number | Problem {
  const given = typeof value === 'boolean' ? Number(value) : value
  const decimal = decimalOf(given)
  if (decimal === undefined) return notConvertible('number')
  const number = Number(String(given).trim())
  if (!Number.isFinite(number)) return new Problem('range', 'beyond the numbers of float64')
  if (number === 0) return decimal.digits === '' ? 0 : new Problem('range', 'too close to zero for float64')
  const isExact = Math.abs(number) <= Number.MAX_SAFE_INTEGER || isSame(decimal, decimalOf(number))
  return isExact ? number : new Problem('range', 'beyond 2^53 - 1, and JSON would write other digits')
}

function toInteger(value: unknown): number | Problem {
  const number = toNumber(value)
  if (number instanceof Problem) return number
  if ((decimalOf(value)?.scale ?? 0) > 0) return new Problem('range', 'a number with a fraction')
  return Number.isSafeInteger(number) ? number : new Problem('range', 'beyond 2^53 - 1')
}

/** Source: Spark `StringUtils.scala`, trueStrings and falseStrings. */
const TRUE = new Set(['t', 'true', 'y', 'yes', '1'])
const FALSE = new Set(['f', 'false', 'n', 'no', '0'])

function toBoolean(value: unknown): boolean | Problem {
  if (typeof value === 'boolean') return value
  if (value === 1 || value === 0) return value === 1
  const word = typeof value === 'string' ? value.trim().toLowerCase() : ''
  if (TRUE.has(word)) return true
  return FALSE.has(word) ? false : notConvertible('boolean')
}

function toText(value: unknown): string | Problem {
  if (typeof value === 'string') return value
  const isPlain = typeof value === 'boolean' || typeof value === 'bigint' || Number.isFinite(value)
  return isPlain ? String(value) : notConvertible('text, number or boolean')
}

export const coerce: Coerce = {
  number: conversion<number>('coerce.number', {}, toNumber),
  integer: conversion<number>('coerce.integer', {}, toInteger),
  boolean: conversion<boolean>('coerce.boolean', {}, toBoolean),
  string: conversion<string>('coerce.string', {}, toText),
}
