import { Parser, tokTypes } from 'acorn'
import { INSEPARABLE } from './erasable.js'

/** What is true of a parser but does not stand in its types. Source: acorn 8.19.0, @sveltejs/acorn-typescript 1.0.13. */
export interface Inner {
  readonly input: string
  readonly start: number
  readonly lastTokStart: number
  exprAllowed: boolean
  curContext(): { readonly token: string }
  readToken_slash(): unknown
  parse(): unknown
  readonly type: unknown
  readonly value: unknown
  next(): void
  nextToken(): void
  unexpected(): never
  tsParseNonArrayType(): unknown
  tsParseTypeArgumentsInExpression(): unknown
  hasPrecedingLineBreak(): boolean
  tsMatchLeftRelational(): boolean
  tsParseImportType(): unknown
  parseDynamicImport(node: unknown): unknown
  tsNextTokenCanFollowModifier(): boolean
  isLiteralPropertyName(): boolean
  tsParseConstModifier(typeParameter: unknown): void
  tsParseTypeParameters(modifiers?: (typeParameter: unknown) => void): unknown
  raise(position: unknown, message: unknown): never
}

export type InnerClass = new (...given: unknown[]) => Inner

const byLanguage = Parser.prototype as unknown as Inner

/** Where the plugin, or acorn, reads a program otherwise than JavaScript says. */
const mendedLanguage = (Base: InnerClass): InnerClass =>
  class extends Base {
    /** For acorn `of` is always the word of a loop, and what follows it no division. */
    override readToken_slash(): unknown {
      const isName = this.type === tokTypes.name && this.value === 'of' && this.curContext().token !== '('
      if (isName) this.exprAllowed = false
      return super.readToken_slash()
    }

    /** The plugin is older than the second argument of `import()`: it puts it where nothing looks for it. */
    override parseDynamicImport(node: unknown): unknown {
      return byLanguage.parseDynamicImport.call(this, node)
    }
  }

/** Where the plugin reads types otherwise than TypeScript does. */
export const mended = (Base: InnerClass): InnerClass =>
  class extends mendedLanguage(Base) {
    /** At the end of a type that is an import: only on its own line type arguments may follow. */
    endsWithLine = false

    /** The plugin takes `f<T> as U` for a comparison, for it takes `as` for a name there. */
    override tsParseTypeArgumentsInExpression(): unknown {
      const given = super.tsParseTypeArgumentsInExpression()
      if (given !== undefined && (this.value === 'as' || this.value === 'satisfies')) giveUp(this, INSEPARABLE)
      return given
    }

    /** The plugin takes the line after `import('a').T` for its type arguments. */
    override tsParseImportType(): unknown {
      this.endsWithLine = true
      return super.tsParseImportType()
    }

    override tsMatchLeftRelational(): boolean {
      const ended = this.endsWithLine && this.hasPrecedingLineBreak()
      this.endsWithLine = false
      return !ended && super.tsMatchLeftRelational()
    }

    /** The plugin takes `static` at the end of a line for a name. */
    override tsNextTokenCanFollowModifier(): boolean {
      const onAnyLine = this.value === 'static'
      return super.tsNextTokenCanFollowModifier() || (onAnyLine && this.isAtMemberName())
    }

    isAtMemberName(): boolean {
      const { bracketL, star, privateId } = tokTypes
      return [bracketL, star, privateId].some((type) => type === this.type) || this.isLiteralPropertyName()
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
  }

/** No SyntaxError: that would end one of the ways that are tried, and not all. */
export function giveUp({ start }: Pick<Inner, 'start'>, message: string): never {
  throw Object.assign(new Error(message), { pos: start })
}
