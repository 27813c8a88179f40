import type { LogLine } from '../protocol.js'

const LINES_MAX = 100
const CHARS_MAX = 500
/** To cut a text off, V8 first writes out what was only joined or repeated: 500 MB for a line of 500 characters. */
const CUT_CHARS_MAX = 1_000_000

/** The program's console: keeps the first lines of a slice, cut short, and counts the rest. */
export class Recorder {
  readonly #lines: LogLine[] = []
  #dropped = 0

  add(level: string, row: number, values: readonly unknown[]): void {
    if (this.#lines.length >= LINES_MAX) {
      this.#dropped += 1
      return
    }
    const text = values.slice(0, 20).map(textOf).join(' ').slice(0, CHARS_MAX)
    this.#lines.push({ level, row, text })
  }

  lines(row: number): LogLine[] {
    if (this.#dropped === 0) return this.#lines
    return [...this.#lines, { level: 'warn', row, text: `${this.#dropped} more lines were not kept` }]
  }
}

/** Whatever a program logs may run its code, or throw: then its type is all that is said. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return cut(value)
  try {
    if (typeof value !== 'object' || value === null) return String(value)
    if (value instanceof Error) return `${cut(String(value.name))}: ${cut(String(value.message))}`
    return String(JSON.stringify(value)).slice(0, CHARS_MAX)
  } catch {
    return `[${typeof value}]`
  }
}

const cut = (text: string): string =>
  text.length > CUT_CHARS_MAX ? `[a text of ${text.length} characters]` : text.slice(0, CHARS_MAX)
