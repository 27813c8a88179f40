import type { ColumnRead } from '../protocol.js'
import { isWritten } from './exports.js'
import { Overwritten } from './overwritten.js'
import type { Binding, Scopes } from './scope.js'
import { constantKey, isFunction, type Parsed, type Tree } from './syntax.js'

/** What an expression holds: the call's payload, its list of events, or one row. */
type Held = 'payload' | 'events' | 'row'

/** Methods of a list of events whose callback gets one row as its first argument. */
const PER_ROW = new Set(['map', 'flatMap', 'filter', 'forEach', 'find', 'some', 'every'])

/**
 * The columns that a program reads, by following the row from the entry function through names, destructuring,
 * callbacks and calls of the program's own functions.
 *
 * Laws    what the program has written itself is not counted where it reads that again (Overwritten).
 *         Never too few: where a row goes out of sight (a computed name, a spread, an unknown function) it is `readsAll`.
 */
export class Reads {
  readonly #parsed: Parsed
  readonly #scopes: Scopes
  readonly #overwritten: Overwritten
  readonly #found = new Map<string, number>()
  readonly #followed = new Set<string>()
  readonly #ids = new Map<object, number>()
  #all = false
  #batch = false
  /** The function that is called, where that is plain. */
  #target: Tree | undefined
  #skip: Binding | undefined
  #context: Binding | undefined

  constructor(parsed: Parsed, scopes: Scopes) {
    this.#parsed = parsed
    this.#scopes = scopes
    this.#overwritten = new Overwritten(parsed, scopes)
  }

  /** Follows the first argument of the entry function: a row, or with `batch` a list of them. */
  of(entry: Tree, form: 'send' | 'default', batch: boolean): { reads: ColumnRead[]; readsAll: boolean } {
    this.#batch = batch
    this.#target = this.#functionOf(entry)
    if (form === 'default') this.#findSkip(entry)
    this.#enter(entry, 0, form === 'send' ? 'payload' : batch ? 'events' : 'row')
    const reads = [...this.#found].sort((a, b) => a[1] - b[1])
    return { reads: reads.map(([column, start]) => ({ column, at: this.#parsed.at(start) })), readsAll: this.#all }
  }

  /** A function gets `held` as its argument `index`. */
  #enter(callee: Tree, index: number, held: Held): undefined {
    const target = this.#functionOf(callee)
    if (target === undefined) return this.#lose()
    if (!this.#first(target, `${index}${held}`)) return
    const params = target.params as Tree[]
    if (usesArguments(target, this.#parsed)) return this.#lose()
    const rest = params.slice(0, index + 1).find((param) => param.type === 'RestElement')
    if (rest !== undefined) return this.#lose()
    const param = params[index]
    if (param !== undefined) this.#into(param, held)
  }

  /** Remembers by which name the program has `skip`, or what holds it: a row that it is handed says only which one it is. */
  #findSkip(entry: Tree): void {
    const context = (this.#functionOf(entry)?.params as Tree[] | undefined)?.[1]
    if (context?.type === 'Identifier') this.#context = this.#constant(context)
    if (context?.type !== 'ObjectPattern') return
    const found = (context.properties as Tree[]).find(
      ({ type, key, computed }) => type === 'Property' && constantKey(key as Tree, computed === true) === 'skip',
    )
    if (found !== undefined) this.#skip = this.#constant(found.value as Tree)
  }

  /** What a name stands for, where that stays so. */
  #constant(identifier: Tree): Binding | undefined {
    const binding = this.#scopes.bindingOf(identifier)
    return binding?.uses.some((use) => isWritten(use, this.#parsed)) === true ? undefined : binding
  }

  #isSkip(callee: Tree): boolean {
    if (callee.type === 'Identifier') return this.#skip !== undefined && this.#scopes.bindingOf(callee) === this.#skip
    if (callee.type !== 'MemberExpression' || this.#context === undefined) return false
    const isContext = this.#scopes.bindingOf(callee.object as Tree) === this.#context
    return isContext && constantKey(callee.property as Tree, callee.computed === true) === 'skip'
  }

  #functionOf(node: Tree): Tree | undefined {
    if (isFunction(node)) return node
    return node.type === 'Identifier' ? this.#constant(node)?.value : undefined
  }

  #first(node: object, what: string): boolean {
    const id = this.#ids.get(node) ?? this.#ids.size
    this.#ids.set(node, id)
    const key = `${id} ${what}`
    if (this.#followed.has(key)) return false
    this.#followed.add(key)
    return true
  }

  /** A pattern takes `held` apart, or names it. */
  #into(pattern: Tree, held: Held): undefined {
    switch (pattern.type) {
      case 'Identifier': {
        const binding = this.#scopes.bindingOf(pattern)
        return binding === undefined ? this.#lose() : this.#named(binding, held)
      }
      case 'AssignmentPattern':
        return this.#into(pattern.left as Tree, held)
      case 'ObjectPattern':
        for (const property of pattern.properties as Tree[]) this.#property(property, held)
        return
      case 'ArrayPattern':
        if (held !== 'events') return this.#lose()
        for (const element of pattern.elements as (Tree | null)[]) if (element) this.#into(element, 'row')
        return
      default:
        return this.#lose()
    }
  }

  #property(property: Tree, held: Held): undefined {
    if (property.type === 'RestElement') return this.#lose()
    const name = constantKey(property.key as Tree, property.computed === true)
    if (name === undefined) return this.#lose()
    if (held === 'row') this.#read(name, property.key as Tree)
    if (held === 'payload' && name === 'events') this.#into(property.value as Tree, 'events')
  }

  #named(binding: Binding, held: Held): undefined {
    if (!this.#first(binding, held)) return
    for (const use of binding.uses) if (!this.#overwritten.variable(use, binding)) this.#flow(use, held)
  }

  /** An expression holds `held`: what becomes of it depends on what stands around it. */
  #flow(node: Tree, held: Held): undefined {
    const parent = this.#parsed.parents.get(node)
    if (parent === undefined) return this.#lose()
    switch (parent.type) {
      case 'MemberExpression':
        return parent.object === node ? this.#member(parent, held) : this.#lose()
      case 'ChainExpression':
        return this.#flow(parent, held)
      case 'VariableDeclarator':
        return this.#into(parent.id as Tree, held)
      case 'AssignmentExpression':
        return this.#assignment(parent, node, held)
      case 'CallExpression': {
        const index = (parent.arguments as Tree[]).indexOf(node)
        if (index === 0 && this.#isSkip(parent.callee as Tree)) return
        if ((parent.arguments as Tree[]).slice(0, index).some(({ type }) => type === 'SpreadElement'))
          return this.#lose()
        return index < 0 ? this.#lose() : this.#enter(parent.callee as Tree, index, held)
      }
      case 'ForOfStatement':
        return this.#loop(parent, held)
      case 'BinaryExpression': {
        const name = parent.operator === 'in' ? constantKey(parent.left as Tree, true) : undefined
        if (name !== undefined && held === 'row' && parent.right === node) this.#read(name, parent)
        else if (!isComparison(parent)) this.#lose()
        return
      }
      case 'Property': // says whose an action is, and reads nothing
        return this.#batch && isNamed(parent, 'from') && this.#isReturned(this.#parsed.parents.get(parent))
          ? undefined
          : this.#lose()
      case 'LogicalExpression':
        return this.#flow(parent, held)
      case 'UnaryExpression':
      case 'ExpressionStatement':
      case 'IfStatement':
        return
      default:
        return this.#lose()
    }
  }

  #assignment(parent: Tree, node: Tree, held: Held): undefined {
    if (parent.left === node) return // overwritten, not read
    const left = parent.left as Tree
    if (left.type !== 'Identifier' && left.type !== 'ObjectPattern') return this.#lose()
    this.#into(left, held)
    this.#flow(parent, held) // it is the value of the assignment, too
  }

  #loop(parent: Tree, held: Held): undefined {
    if (held !== 'events') return this.#lose()
    const left = parent.left as Tree
    const declarator = left.type === 'VariableDeclaration' ? (left.declarations as Tree[])[0] : undefined
    this.#into(declarator === undefined ? left : (declarator.id as Tree), 'row')
  }

  #member(member: Tree, held: Held): undefined {
    const name = constantKey(member.property as Tree, member.computed === true)
    const around = this.#parsed.parents.get(member)
    if (held === 'row') {
      if (around?.type === 'AssignmentExpression' && around.left === member && around.operator === '=') return // written
      if (around?.type === 'UnaryExpression' && around.operator === 'delete' && name !== undefined) return
      const isCalled = around?.type === 'CallExpression' && around.callee === member // and has the row as `this`
      if (name === undefined || isCalled) return this.#lose()
      return this.#overwritten.column(member.object as Tree, name)
        ? undefined
        : this.#read(name, member.property as Tree)
    }
    if (held === 'payload' && name === 'events') return this.#flow(member, 'events')
    if (held === 'payload') return name === undefined ? this.#lose() : undefined
    if (name === 'length') return
    if (name !== undefined && /^\d+$/.test(name)) return this.#flow(member, 'row')
    const call = this.#parsed.parents.get(member)
    const isCall = call?.type === 'CallExpression' && call.callee === member
    if (!isCall || name === undefined || !PER_ROW.has(name)) return this.#lose()
    this.#eachRow(call, name)
  }

  /** Whether an object, or a list that it is in, is what the program returns for all rows. */
  #isReturned(object: Tree | undefined): boolean {
    for (let node = object; node !== undefined; ) {
      let parent = this.#parsed.parents.get(node)
      while (parent !== undefined && THROUGH.has(parent.type)) parent = this.#parsed.parents.get(parent)
      if (parent?.type === 'ReturnStatement') {
        while (parent !== undefined && !isFunction(parent)) parent = this.#parsed.parents.get(parent)
      }
      if (parent === undefined || !isFunction(parent)) return false
      if (parent === this.#target) return true
      const call = this.#parsed.parents.get(parent)
      const callee = call?.type === 'CallExpression' ? (call.callee as Tree) : undefined
      if (callee?.type !== 'MemberExpression' || !isNamed(callee, 'map', 'flatMap')) return false
      node = call
    }
    return false
  }

  #eachRow(call: Tree, method: string): undefined {
    const callback = (call.arguments as Tree[])[0]
    const target = callback === undefined ? undefined : this.#functionOf(callback)
    if (target === undefined || (target.params as Tree[]).length > 2) return this.#lose()
    this.#enter(target, 0, 'row')
    if (method === 'filter') this.#flow(call, 'events')
    if (method === 'find') this.#flow(call, 'row')
  }

  #read(column: string, node: Tree): undefined {
    const known = this.#found.get(column)
    if (known === undefined || node.start < known) this.#found.set(column, node.start)
  }

  /** The row, or what holds it, goes out of sight. */
  #lose(): undefined {
    this.#all = true
  }
}

/** What a value passes through unchanged on its way out of a function. */
const THROUGH = new Set(['ArrayExpression', 'ConditionalExpression', 'LogicalExpression', 'SpreadElement'])

/** Whether a property, or a member, has one of these names. */
const isNamed = (node: Tree, ...names: string[]): boolean =>
  names.includes(constantKey((node.key ?? node.property) as Tree, node.computed === true) ?? '')

const isComparison = (node: Tree): boolean => /^[!=]==?$/.test(node.operator as string)

function usesArguments(target: Tree, parsed: Parsed): boolean {
  if (target.type === 'ArrowFunctionExpression') return false
  return parsed.source.slice(target.start, target.end).includes('arguments')
}
