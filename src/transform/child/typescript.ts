import { tsPlugin } from '@sveltejs/acorn-typescript'
import { type Options, Parser, parse } from 'acorn'
import { difference } from './alike.js'
import { inseparable } from './erasable.js'
import { erase } from './erase.js'
import { giveUp, type InnerClass, mended } from './mended-reader.js'
import { Refused } from './refused.js'
import { refusalOf, type Span, type Tree } from './syntax.js'

const OPTIONS: Options = { ecmaVersion: 'latest', sourceType: 'module', allowAwaitOutsideFunction: true }

/** For these errors the plugin hands on a column as the place; the modifier that they are about was read last. */
const PLACED_BY_COLUMN = /modifier (?:must precede|cannot be used with)/

/**
 * Where `<` or `(` can be read in two ways the plugin tries both, and so once more inside each: a dozen in one another
 * would take for ever. Of 1,700 files, our own and those of our dependencies, none takes more than 0.4 for a character.
 */
const TOKENS_MAX = (characters: number): number => 10_000 + 10 * characters

/** Gives up where reading takes too long, and says each refusal with its place and without a word of the program. */
const bounded = (Base: InnerClass): InnerClass =>
  class extends Base {
    left = TOKENS_MAX(this.input.length)

    override parse(): unknown {
      try {
        return super.parse()
      } catch (error) {
        if ((error as { pos?: number }).pos !== undefined) throw error
        return this.raise(this.start, 'Not readable as TypeScript') // the plugin trips over some half-written programs
      }
    }

    override nextToken(): void {
      this.left -= 1
      if (this.left < 0) giveUp(this, 'Too many ways to read this')
      super.nextToken()
    }

    override raise(position: unknown, given: unknown): never {
      // For a modifier out of place the plugin may hand on the function that makes the message.
      const message = typeof given === 'string' ? given : 'Unexpected modifier'
      const place = PLACED_BY_COLUMN.test(message) ? this.lastTokStart : position
      // The words that it quotes in a message on a modifier are modifiers, and not a name of the program.
      const words = message.includes(' modifier') ? message.replaceAll("'", '') : message
      return super.raise(typeof place === 'number' ? place : this.start, words)
    }
  }

const Reader = Parser.extend(
  tsPlugin(),
  (Base) => bounded(mended(Base as unknown as InnerClass)) as unknown as typeof Parser,
)

/**
 * The program without its types, for a parser of JavaScript.
 *
 * Shape   the same text with blanks where types stood: no line break, and nothing that stays, moves. A `;` stands where
 *         its lack would join what a type parted; the parentheses of an arrow function may move to the line they need.
 * Laws    acorn reads it as the typed program with its types left out. This is looked at node by node, so a program that
 *         would mean something else is refused and never run.
 * Throws  TRANSFORM_FORBIDDEN_SYNTAX for what TypeScript makes code of (an enum, a decorator), TRANSFORM_SYNTAX.
 */
export function blanked(source: string, at: (offset: number) => string): string {
  const comments: Span[] = []
  const onComment = (_block: boolean, _text: string, start: number, end: number): void => {
    comments.push({ start, end })
  }
  try {
    const typed = Reader.parse(source, { ...OPTIONS, locations: true, preserveParens: true, onComment })
    const root = typed as unknown as Tree
    const text = erase({ source, root, comments, at })
    const other = difference(root, parse(text, OPTIONS) as unknown as Tree)
    if (other === undefined) return text
    throw inseparable(at(other.start))
  } catch (error) {
    if (Refused.is(error)) throw error
    if (error instanceof RangeError) throw new Refused('TRANSFORM_SYNTAX', { at: at(0), problem: 'Nested too deeply' })
    throw refusalOf(error, at)
  }
}
