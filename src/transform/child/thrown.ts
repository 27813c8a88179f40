import { PROGRAM_URL } from '../protocol.js'

/** The more special ones first. */
const CLASSES = { TypeError, RangeError, ReferenceError, SyntaxError, URIError, EvalError, AggregateError, Error }
const STANDARD = new Set(Object.keys(CLASSES))
const FRAME = new RegExp(`${PROGRAM_URL}/(\\d+):(\\d+):(\\d+)`)
const STACK_CHARS_MAX = 20_000

/**
 * The class name of what was thrown: a standard one, or one that stands in the program. Any other text may be a value: of
 * such an error, as packages throw them, it is told which standard one it descends from.
 * What was thrown is the program's: every look at it may run its code, or throw.
 */
export function standardName(thrown: unknown, words: ReadonlySet<string>): string {
  const name = quietly(() => (thrown as Error).name)
  if (typeof thrown !== 'object' || thrown === null) return thrown === null ? 'null' : `a ${typeof thrown}`
  if (typeof name === 'string' && (STANDARD.has(name) || words.has(name))) return name
  const kind = Object.entries(CLASSES).find(([, Class]) => quietly(() => thrown instanceof Class))
  return kind === undefined ? 'an object' : `a subclass of ${kind[0]}`
}

/** Where the innermost frame that belongs to the program stands: in which of its files, and where in its changed text. */
export function frameOf(
  thrown: unknown,
): { readonly nth: number; readonly line: number; readonly column: number } | undefined {
  const stack = quietly(() => (thrown as Error).stack)
  if (typeof stack !== 'string') return undefined
  const found = FRAME.exec(stack.slice(0, STACK_CHARS_MAX))
  if (found === null) return undefined
  const [nth, line, column] = found.slice(1).map(Number) as [number, number, number]
  return { nth, line: line - 1, column } // the text of a file begins on the second line
}

/** The offset of a place in a text; `undefined` where the text has no such place. */
export function offsetOf(text: string, line: number, column: number): number | undefined {
  let start = 0
  for (let at = 1; at < line; at += 1) {
    start = text.indexOf('\n', start) + 1
    if (start === 0) return undefined
  }
  const offset = start + column - 1
  return line < 1 || offset > text.length ? undefined : offset
}

function quietly<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
