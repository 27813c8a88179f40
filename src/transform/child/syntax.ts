import { type Options, parse } from 'acorn'
import { Refused } from './refused.js'

/** A node of the program's syntax tree, read by field name. */
export interface Tree {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

export interface Span {
  readonly start: number
  readonly end: number
}

export interface Parsed {
  readonly source: string
  readonly root: Tree
  readonly parents: ReadonlyMap<Tree, Tree>
  readonly comments: readonly Span[]
  /** `name:line:column` of an offset. */
  readonly at: (offset: number) => string
}

const OPTIONS: Options = { ecmaVersion: 2025, sourceType: 'module', allowAwaitOutsideFunction: true }

/** Whether a file is TypeScript, by its name. */
export const isTyped = (name: string): boolean => /\.[cm]?ts$/.test(name)

/** Gives a program as JavaScript, with every offset kept. */
export type Blank = (source: string, at: (offset: number) => string) => string

/**
 * Parses a program as a module. Throws TRANSFORM_SYNTAX and TRANSFORM_FORBIDDEN_SYNTAX.
 *
 * @param blank  takes the types out, where there are some
 */
export function parseProgram(name: string, given: string, blank: Blank = (source) => source): Parsed {
  const starts = [0]
  for (let at = given.indexOf('\n'); at >= 0; at = given.indexOf('\n', at + 1)) starts.push(at + 1)
  const at = (offset: number): string => {
    let line = starts.length
    while ((starts[line - 1] as number) > offset) line -= 1
    return `${name}:${line}:${offset - (starts[line - 1] as number) + 1}`
  }
  const source = blank(given, at)
  const comments: Span[] = []
  const root = parseOrRefuse(source, comments, at)
  const parents = new Map<Tree, Tree>()
  walk(root, (node, parent) => {
    if (parent !== undefined) parents.set(node, parent)
    const what = forbidden(node, parent, parents)
    if (what !== undefined) throw new Refused('TRANSFORM_FORBIDDEN_SYNTAX', { at: at(node.start), what })
  })
  return { source, root, parents, comments, at }
}

function parseOrRefuse(source: string, comments: Span[], at: (offset: number) => string): Tree {
  try {
    const onComment = (_block: boolean, _text: string, start: number, end: number): void => {
      comments.push({ start, end })
    }
    return parse(source, { ...OPTIONS, onComment }) as unknown as Tree
  } catch (error) {
    throw refusalOf(error, at)
  }
}

/** What the user is told of a parser's error. An error that is no syntax error is a fault of ours, and thrown on. */
export function refusalOf(error: unknown, at: (offset: number) => string): Refused {
  const { message, pos } = error as SyntaxError & { pos?: number }
  if (pos === undefined) throw error
  if (message.startsWith("'with'")) return new Refused('TRANSFORM_FORBIDDEN_SYNTAX', { at: at(pos), what: '`with`' })
  return new Refused('TRANSFORM_SYNTAX', { at: at(pos), problem: withoutQuotes(message) })
}

/** The parser quotes names of the program, and values could stand in their place: the kind of fault is enough. */
const withoutQuotes = (message: string): string => message.replace(/ \(\d+:\d+\)$/, '').replace(/['"`].*['"`]/, 'name')

/** Visits every node, parents first. */
export function walk(node: Tree, visit: (node: Tree, parent: Tree | undefined) => void, parent?: Tree): void {
  visit(node, parent)
  for (const child of childrenOf(node)) walk(child, visit, node)
}

export function childrenOf(node: Tree): Tree[] {
  const found: Tree[] = []
  for (const field of Object.keys(node)) {
    const held = node[field]
    for (const one of Array.isArray(held) ? held : [held]) if (isTree(one)) found.push(one)
  }
  return found
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && typeof (value as Tree).type === 'string'

function forbidden(node: Tree, parent: Tree | undefined, parents: ReadonlyMap<Tree, Tree>): string | undefined {
  switch (node.type) {
    case 'ImportExpression':
      return '`import()`'
    case 'MetaProperty':
      return (node.meta as Tree).name === 'import' ? '`import.meta`' : undefined
    case 'AwaitExpression':
      return insideFunction(node, parents) ? undefined : '`await` outside a function'
    case 'ForOfStatement':
      return node.await === true && !insideFunction(node, parents) ? '`await` outside a function' : undefined
    case 'CallExpression': {
      const callee = node.callee as Tree
      const name = callee.type === 'Identifier' ? callee.name : undefined
      return name === 'eval' ? '`eval()`' : undefined
    }
    case 'Identifier':
      return parent?.type === 'NewExpression' && parent.callee === node && node.name === 'Function'
        ? '`new Function()`'
        : undefined
    default:
      return undefined
  }
}

function insideFunction(node: Tree, parents: ReadonlyMap<Tree, Tree>): boolean {
  for (let up = parents.get(node); up !== undefined; up = parents.get(up)) {
    if (isFunction(up)) return true
  }
  return false
}

export const isFunction = (node: Tree): boolean =>
  node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression'

/** The name of a property, where the text of the program tells. */
export function constantKey(key: Tree, computed: boolean): string | undefined {
  if (!computed && key.type === 'Identifier') return key.name as string
  if (key.type === 'Literal') return String(key.value)
  if (key.type !== 'TemplateLiteral') return undefined
  const [only, ...more] = key.quasis as { value: { cooked: string } }[]
  return more.length === 0 ? only?.value.cooked : undefined
}
