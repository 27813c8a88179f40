import type { Json } from '../../../model/value.js'

/**
 * JSON whose whole numbers keep their spelling: `1.0` is a double to a typed store and `1` a long, and JSON.parse makes
 * both the same. A double that is whole is held as a marked text until it has been typed.
 */
const MARK = '\u0000double:'
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** Throws SyntaxError like JSON.parse. */
export function parseSpelled(text: string): unknown {
  JSON.parse(text) // the replacement below must not mend a broken text
  return JSON.parse(
    text.replace(TOKEN, (token) => {
      if (token.startsWith('"') || !/[.eE]/.test(token) || !Number.isInteger(Number(token))) return token
      return JSON.stringify(`${MARK}${Number(token)}`)
    }),
  )
}

export const isSpelledDouble = (value: Json | undefined): value is string =>
  typeof value === 'string' && value.startsWith(MARK)

/** The value as anybody else would see it. */
export function plain<T extends Json>(value: T): T {
  if (isSpelledDouble(value)) return Number(value.slice(MARK.length)) as unknown as T
  if (Array.isArray(value)) return value.map((element: Json) => plain(element)) as unknown as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, plain(held as Json)])) as T
}
