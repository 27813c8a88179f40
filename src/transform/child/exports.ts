import type { Edit } from './censor.js'
import { Refused } from './refused.js'
import type { Scopes } from './scope.js'
import { isFunction, type Parsed, type Tree } from './syntax.js'

/** What a file offers to others, and how its text loses the words that say so without moving what stands behind them. */
export interface Exports {
  /** By the name it is offered under: the variable in the changed text. */
  readonly names: ReadonlyMap<string, string>
  /** What it hands on from other files; `name` is `*` for all of them. */
  readonly handedOn: readonly {
    readonly node: Tree
    readonly specifier: string
    readonly name: string
    readonly as: string
  }[]
  /** The function of a default export, or the expression that makes it. */
  readonly default: Tree | undefined
  readonly edits: readonly Edit[]
  /** Name that the changed text gives to a default export which has none. */
  readonly holder: string | undefined
}

/** Throws TRANSFORM_FORBIDDEN_SYNTAX for a variable that is offered and changes: whoever imports it gets one value. */
export function exportsOf(parsed: Parsed, scopes: Scopes): Exports {
  const found = new ExportWalk(parsed)
  for (const node of parsed.root.body as Tree[]) found.visit(node)
  for (const local of found.locals) {
    const changing = scopes.bindingOf(local)?.uses.find((use) => isWritten(use, parsed))
    if (changing === undefined) continue
    throw new Refused('TRANSFORM_FORBIDDEN_SYNTAX', {
      at: parsed.at(changing.start),
      what: 'changing an exported variable',
    })
  }
  return found
}

class ExportWalk implements Exports {
  readonly names = new Map<string, string>()
  readonly handedOn: Exports['handedOn'][number][] = []
  readonly edits: Edit[] = []
  /** Where the variables that are offered are declared, or named. */
  readonly locals: Tree[] = []
  default: Tree | undefined
  holder: string | undefined
  readonly #parsed: Parsed

  constructor(parsed: Parsed) {
    this.#parsed = parsed
  }

  visit(node: Tree): void {
    if (node.type === 'ExportDefaultDeclaration') this.#made(node)
    if (node.type === 'ExportAllDeclaration') {
      const as = node.exported ? nameOf(node.exported as Tree) : '*'
      this.#handOn(node, '*', as)
      this.#blank(node.start, node.end)
    }
    if (node.type !== 'ExportNamedDeclaration') return
    const declaration = node.declaration as Tree | null
    if (declaration) for (const id of declaredBy(declaration)) this.#offer(id.name as string, id)
    for (const { local, exported } of node.specifiers as { local: Tree; exported: Tree }[]) {
      if (node.source) this.#handOn(node, nameOf(local), nameOf(exported))
      else this.#offer(nameOf(exported), local)
      if (!node.source && nameOf(exported) === 'default') this.default = local
    }
    this.#blank(node.start, declaration ? node.start + 'export'.length : node.end)
  }

  #offer(name: string, local: Tree): void {
    this.names.set(name, local.name as string)
    this.locals.push(local)
  }

  #handOn(node: Tree, name: string, as: string): void {
    this.handedOn.push({ node, specifier: (node.source as Tree).value as string, name, as })
  }

  #made(node: Tree): void {
    const { source } = this.#parsed
    const made = node.declaration as Tree
    this.default = made
    const end = afterDefault(node, this.#parsed)
    const keyword = source.slice(node.start, end)
    const id = made.id as Tree | null | undefined
    if (id && made.type.endsWith('Declaration')) {
      this.#blank(node.start, end)
      this.names.set('default', id.name as string)
      this.locals.push(id)
      return
    }
    let holder = '$made'
    while (source.includes(holder)) holder += '$'
    this.holder = holder
    this.names.set('default', holder)
    this.edits.push({ start: node.start, end, text: `${holder}=${blank(keyword).slice(holder.length + 1)}` })
    // Else a parenthesis on the next line would call it.
    if (isFunction(made) || made.type === 'ClassDeclaration') {
      this.edits.push({ start: node.end, end: node.end, text: ';' })
    }
  }

  #blank(start: number, end: number): void {
    this.edits.push({ start, end, text: parted(this.#parsed.source.slice(start, end)) })
  }
}

/** Blanks in the place of a statement, or of its first word: the lines before and behind it stay apart. */
export const parted = (text: string): string => `;${blank(text).slice(1)}`

/** Where the keyword `default` ends: the first that is none of a comment's, else what the parser took for one would run. */
function afterDefault(node: Tree, { source, comments }: Parsed): number {
  let at = source.indexOf('default', node.start)
  while (comments.some(({ start, end }) => start <= at && at < end)) at = source.indexOf('default', at + 1)
  return at + 'default'.length
}

const blank = (text: string): string => text.replace(/[^\n\r\u2028\u2029]/g, ' ')

/** A name, or a text where one may stand. */
export const nameOf = (node: Tree): string => (node.type === 'Literal' ? String(node.value) : (node.name as string))

function declaredBy(declaration: Tree): Tree[] {
  if (declaration.type !== 'VariableDeclaration') return [declaration.id as Tree]
  return (declaration.declarations as { id: Tree }[]).flatMap(({ id }) => namesIn(id))
}

function namesIn(pattern: Tree | null): Tree[] {
  switch (pattern?.type) {
    case 'Identifier':
      return [pattern]
    case 'RestElement':
      return namesIn(pattern.argument as Tree)
    case 'AssignmentPattern':
      return namesIn(pattern.left as Tree)
    case 'ArrayPattern':
      return (pattern.elements as (Tree | null)[]).flatMap(namesIn)
    case 'ObjectPattern':
      return (pattern.properties as Tree[]).flatMap((one) =>
        namesIn(one.type === 'Property' ? (one.value as Tree) : one),
      )
    default:
      return []
  }
}

const PATTERNS = new Set(['Property', 'ObjectPattern', 'ArrayPattern', 'RestElement', 'AssignmentPattern'])

/** Whether a use of a variable gives it another value. */
export function isWritten(use: Tree, { parents }: Parsed): boolean {
  let node = use
  let parent = parents.get(node)
  if (parent?.type === 'UpdateExpression') return true
  while (parent !== undefined && PATTERNS.has(parent.type)) {
    if (parent.type === 'AssignmentPattern' && parent.left !== node) return false
    node = parent
    parent = parents.get(node)
  }
  const isLoop = parent?.type === 'ForInStatement' || parent?.type === 'ForOfStatement'
  return (parent?.type === 'AssignmentExpression' || isLoop) && parent?.left === node
}
