import type { WriteStream } from 'node:tty'

/** Standard error, as far as it matters whether a person looks at it. */
export interface Screen {
  /** True where a line can be drawn again. */
  readonly live: boolean
  readonly colours: boolean
  readonly columns: () => number
  readonly write: (text: string) => void
}

/** Where colour is wanted: a terminal, unless NO_COLOR is set to something (no-color.org) or TERM is dumb. */
export function hasColours(stream: Pick<WriteStream, 'isTTY'>, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
}

export function screenOf(stream: WriteStream, env: NodeJS.ProcessEnv): Screen {
  return {
    live: stream.isTTY === true && env.TERM !== 'dumb',
    colours: hasColours(stream, env),
    columns: () => stream.columns ?? 80,
    write: (text) => void stream.write(text),
  }
}

/** What moves a cursor, rings, turns the direction of text or breaks a line: values of rows may hold it. */
const UNSHOWN = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

/** A text on one line, whatever stands in it. */
export const oneLine = (text: string): string => text.replace(UNSHOWN, ' ')

/** JSON on one line of which nothing steers a terminal: what could is written as an escape. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(UNSHOWN, (found) =>
    [...found].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  )
}

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const

export const painted = (colours: boolean, colour: keyof typeof CODES, text: string): string =>
  colours ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text

/** One line that is drawn again in its place; nothing where no terminal is. */
export class StatusLine {
  readonly #screen: Screen
  #drawn = false

  constructor(screen: Screen) {
    this.#screen = screen
  }

  draw(text: string): void {
    if (!this.#screen.live) return
    const room = Math.max(10, this.#screen.columns() - 1)
    this.#screen.write(`\r\u001b[K${[...oneLine(text)].slice(0, room).join('')}`)
    this.#drawn = true
  }

  /** A whole line above it. */
  tell(line: string): void {
    this.clear()
    this.#screen.write(`${oneLine(line)}\n`)
  }

  clear(): void {
    if (this.#drawn) this.#screen.write('\r\u001b[K')
    this.#drawn = false
  }
}
