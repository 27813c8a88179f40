import { tsPlugin } from '@sveltejs/acorn-typescript'
import { type Options, Parser, parse, tokTypes } from 'acorn'
import { difference } from './alike.js'
import { INSEPARABLE, inseparable } from './erasable.js'
import { erase } from './erase.js'
import { Refused } from './refused.js'
import { refusalOf, type Span, type Tree } from './syntax.js'

const OPTIONS: Options = { ecmaVersion: 'latest', sourceType: 'module', allowAwaitOutsideFunction: true }

/** What is true of a parser but does not stand in its types. Source: acorn 8.19.0, @sveltejs/acorn-typescript 1.0.13. */
interface Inner {
  readonly input: string
  readonly start: number
  readonly lastTokStart: number
  parse(): unknown
  readonly type: unknown
  readonly value: unknown
  next(): void
  nextToken(): void
  unexpected(): never
  tsParseNonArrayType(): unknown
  tsParseTypeArgumentsInExpression(): unknown
  tsParseConstModifier(typeParameter: unknown): void
  tsParseTypeParameters(modifiers?: (typeParameter: unknown) => void): unknown
  raise(position: unknown, message: unknown): never
}

/** For these errors the plugin hands on a column as the place; the modifier that they are about was read last. */
const PLACED_BY_COLUMN = /modifier (?:must precede|cannot be used with)/

/**
 * Where `<` or `(` can be read in two ways the plugin tries both, and so once more inside each: a dozen in one another
 * would take for ever. Of 1,700 files, our own and those of our dependencies, none takes more than 0.4 for a character.
 */
const TOKENS_MAX = (characters: number): number => 10_000 + 10 * characters

const Reader = Parser.extend(tsPlugin(), (Base) => {
  const Plugged = Base as unknown as new (...given: unknown[]) => Inner
  class Bounded extends Plugged {
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
      if (this.left < 0) this.giveUp('Too many ways to read this')
      super.nextToken()
    }

    /** The plugin takes `f<T> as U` for a comparison, for it takes `as` for a name there. */
    override tsParseTypeArgumentsInExpression(): unknown {
      const given = super.tsParseTypeArgumentsInExpression()
      if (given !== undefined && (this.value === 'as' || this.value === 'satisfies')) this.giveUp(INSEPARABLE)
      return given
    }

    /** The plugin knows `const` before the type parameters of functions, but not of the members of a type. */
    override tsParseTypeParameters(modifiers = this.tsParseConstModifier): unknown {
      return super.tsParseTypeParameters(modifiers)
    }

    /** The plugin reads an expression after the sign of a number, and so the line after it for arguments. */
    override tsParseNonArrayType(): unknown {
      if (this.type !== tokTypes.plusMin || this.value !== '-') return super.tsParseNonArrayType()
      this.next()
      return this.type === tokTypes.num ? super.tsParseNonArrayType() : this.unexpected()
    }

    /** No SyntaxError: that would end one of the tries and not all. */
    giveUp(message: string): never {
      throw Object.assign(new Error(message), { pos: this.start })
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
  return Bounded as unknown as typeof Parser
})

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
