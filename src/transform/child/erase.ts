import { compiled, inseparable, isErased, isThis } from './erasable.js'
import { Refused } from './refused.js'
import { childrenOf, type Parsed, type Span, type Tree } from './syntax.js'

const LINE_BREAK = /[\n\r\u2028\u2029]/

/** What has a type after itself, or type parameters or arguments. */
const TYPED = ['typeParameters', 'typeArguments', 'superTypeParameters', 'typeAnnotation', 'returnType'] as const

/** The words that TypeScript puts before a member of a class. */
const MODIFIER = /\b(?:public|private|protected|readonly|override|abstract|declare)\b/g

/** Where a class member begins so, the member before it would go on, had it no `;`: a computed name, a generator. */
const GOES_ON = /^\s*(?:[[*]|in\b|instanceof\b)/

/** A field of this name without a `;` would be taken for a word before the member that follows. */
const BEFORE_MEMBER = new Set(['get', 'set', 'static'])

/** The text of a typed program with blanks for its types. Throws TRANSFORM_FORBIDDEN_SYNTAX. */
export function erase(typed: Omit<Parsed, 'parents'>): string {
  const eraser = new Eraser(typed)
  eraser.visit(typed.root)
  return eraser.text
}

class Eraser {
  readonly #at: Parsed['at']
  readonly #out: string[]
  /** The program with blanks for comments: between two tokens nothing else stands in the way of a search. */
  readonly #code: string

  constructor({ source, comments, at }: Omit<Parsed, 'parents'>) {
    this.#at = at
    this.#out = source.split('')
    for (const comment of comments) this.#blank(comment)
    this.#code = this.text
    this.#out = source.split('')
  }

  get text(): string {
    return this.#out.join('')
  }

  visit(node: Tree): void {
    const what = compiled(node)
    if (what !== undefined) throw new Refused('TRANSFORM_FORBIDDEN_SYNTAX', { at: this.#at(node.start), what })
    if (this.#ambiguous(node)) throw inseparable(this.#at(node.start))
    if (isErased(node)) this.#drop(node)
    else if (!this.#expression(node)) {
      for (const field of TYPED) this.#blank(node[field] as Tree | undefined)
      this.#parts(node)
      for (const child of childrenOf(node)) this.visit(child)
    }
  }

  /**
   * Where TypeScript and the plugin part on what is a type: `<` begins type arguments or compares, and the `|` after
   * `as const` makes a union. Source: canFollowTypeArgumentsInExpression and parseType of TypeScript 5.9.3.
   */
  #ambiguous(node: Tree): boolean {
    const given = node.typeArguments as Tree | undefined
    if (given !== undefined) return /^[<>+-]/.test(this.#rest(given.end))
    if (node.type === 'TSAsExpression') return this.#isConst(node) && /^(?:\|(?!\|)|&(?!&))/.test(this.#rest(node.end))
    if (node.type !== 'BinaryExpression' || (node.operator !== '>' && node.operator !== '<')) return false
    const left = node.left as Tree
    return left.type === 'BinaryExpression' && left.operator === '<'
  }

  /** Takes a statement or a member whole. The `;` ends what stands before, and is what an `if` or a label before has. */
  #drop(node: Tree): void {
    this.#blank(node)
    if (node.type === 'ImportSpecifier' || node.type === 'ExportSpecifier') this.#dropComma(node.end)
    else this.#out[node.start] = ';'
  }

  #dropComma(end: number): void {
    const next = this.#next(end)
    if (this.#code[next] === ',') this.#out[next] = ' '
  }

  /** An expression with its type; false for any other node. What else of TypeScript comes here is part of a type. */
  #expression(node: Tree): boolean {
    if (!node.type.startsWith('TS')) return false
    const type = node.typeAnnotation as Tree
    const expression = node.expression as Tree
    switch (node.type) {
      case 'TSAsExpression':
      case 'TSSatisfiesExpression': {
        const start = this.#next(expression.end)
        this.#blank({ start, end: node.end })
        // A type cannot be called, so the line ended here.
        if (/^[([`]/.test(this.#rest(node.end))) this.#out[start] = ';'
        break
      }
      case 'TSNonNullExpression':
        this.#blank({ start: node.end - 1, end: node.end })
        break
      case 'TSTypeAssertion':
        this.#blank({ start: node.start, end: this.#code.indexOf('>', type.end) + 1 })
        break
      case 'TSInstantiationExpression':
        this.#blank(node.typeArguments as Tree)
        break
      default:
        return true
    }
    this.visit(expression)
    return true
  }

  #parts(node: Tree): void {
    if (Array.isArray(node.params)) this.#parameters(node.params as Tree[])
    if (node.type === 'ArrowFunctionExpression') this.#arrow(node)
    if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') this.#heritage(node)
    if (node.type === 'MethodDefinition' || node.type === 'PropertyDefinition') this.#member(node)
    if (node.definite === true && node.type === 'VariableDeclarator') this.#mark('!', (node.id as Tree).start)
  }

  #parameters(parameters: readonly Tree[]): void {
    for (const one of parameters) {
      if (one.optional === true && one.type === 'Identifier') this.#mark('?', one.start)
      if (!isThis(one)) continue
      this.#blank(one)
      this.#dropComma(one.end)
    }
  }

  /** A line may not end before the parameters of some arrow functions, nor before the arrow of any. */
  #arrow(node: Tree): void {
    const generics = node.typeParameters as Tree | undefined
    const result = node.returnType as Tree | undefined
    if (generics !== undefined) {
      const open = this.#next(generics.end)
      if (this.#breaks(generics.start, open)) this.#move('(', open, generics.start)
    }
    if (result !== undefined) {
      const close = this.#code.lastIndexOf(')', result.start)
      if (this.#breaks(close, result.end)) this.#move(')', close, result.end - 1)
    }
  }

  #heritage(node: Tree): void {
    if (node.abstract === true) this.#blank({ start: node.start, end: node.start + 'abstract'.length })
    const [first, ...more] = (node.implements ?? []) as Tree[]
    if (first === undefined) return
    const start = this.#code.lastIndexOf('implements', first.start - 1)
    this.#blank({ start, end: (more.at(-1) ?? first).end })
  }

  #member(node: Tree): void {
    const key = node.key as Tree
    const head = this.#code.slice(node.start, key.start)
    for (const { index, 0: word } of head.matchAll(MODIFIER)) {
      this.#blank({ start: node.start + index, end: node.start + index + word.length })
    }
    if (head.search(MODIFIER) === 0 && GOES_ON.test(head.replace(MODIFIER, '') + this.#code.slice(key.start, key.end)))
      this.#out[node.start] = ';'
    if (node.optional === true) this.#mark('?', key.end)
    if (node.definite === true) this.#mark('!', key.end)
    const typed = node.typeAnnotation !== undefined || node.optional === true || node.definite === true
    const bare = node.type === 'PropertyDefinition' && node.value === null && node.computed !== true
    if (typed && bare && BEFORE_MEMBER.has(key.name as string)) this.#out[this.#next(key.end)] = ';'
  }

  #mark(mark: '?' | '!', from: number): void {
    this.#out[this.#code.indexOf(mark, from)] = ' '
  }

  #move(character: string, from: number, to: number): void {
    this.#out[from] = ' '
    this.#out[to] = character
  }

  #isConst({ typeAnnotation }: Tree): boolean {
    return ((typeAnnotation as Tree).typeName as Tree | undefined)?.name === 'const'
  }

  /** The program from the next token on. */
  #rest(from: number): string {
    return this.#code.slice(this.#next(from))
  }

  /** Where the next token begins. */
  #next(from: number): number {
    let at = from
    while (/\s/.test(this.#code[at] ?? '')) at += 1
    return at
  }

  #breaks(start: number, end: number): boolean {
    return LINE_BREAK.test(this.#code.slice(start, end))
  }

  #blank(span: Span | undefined): void {
    if (!span) return
    for (let at = span.start; at < span.end; at += 1) {
      if (!LINE_BREAK.test(this.#out[at] as string)) this.#out[at] = ' '
    }
  }
}
