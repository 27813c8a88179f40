import { PROGRAM_URL } from '../protocol.js'

const STANDARD = new Set(
  'Error TypeError RangeError ReferenceError SyntaxError URIError EvalError AggregateError'.split(' '),
)
const FRAME = new RegExp(`${PROGRAM_URL}:(\\d+):(\\d+)`)
const STACK_CHARS_MAX = 20_000

/**
 * The class name of what was thrown: a standard one, or one that stands in the program. Any other text may be a value.
 * What was thrown is the program's: every look at it may run its code, or throw.
 */
export function standardName(thrown: unknown, words: ReadonlySet<string>): string {
  const name = quietly(() => (thrown as Error).name)
  if (typeof thrown !== 'object' || thrown === null) return thrown === null ? 'null' : `a ${typeof thrown}`
  return typeof name === 'string' && (STANDARD.has(name) || words.has(name)) ? name : 'an object'
}

/** Offset in the evaluated program of the innermost frame that belongs to it. */
export function positionIn(thrown: unknown, text: string): number | undefined {
  const stack = quietly(() => (thrown as Error).stack)
  if (typeof stack !== 'string') return undefined
  const found = FRAME.exec(stack.slice(0, STACK_CHARS_MAX))
  if (found === null) return undefined
  const line = Number(found[1]) - 1 // the program begins on the second line
  let start = 0
  for (let at = 1; at < line; at += 1) {
    start = text.indexOf('\n', start) + 1
    if (start === 0) return undefined
  }
  const offset = start + Number(found[2]) - 1
  return line < 1 || offset > text.length ? undefined : offset
}

function quietly<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
