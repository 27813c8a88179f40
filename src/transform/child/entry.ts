import type { Edit } from './censor.js'
import { Refused } from './refused.js'
import { isFunction, type Parsed, type Tree } from './syntax.js'

/** The function that a program offers, and how its text becomes one that gives it. */
export interface Entry {
  readonly form: 'send' | 'default'
  /** The function, or the expression that makes it. */
  readonly node: Tree
  /** Takes the exports out of the text without moving what stands behind them. */
  readonly edits: readonly Edit[]
  /** Name that the changed text gives to a default export which has none. */
  readonly holder?: string
  /** Name of the function in the changed text. */
  readonly result: string
}

/** A default export if there is one, else a function `send`. Throws TRANSFORM_NO_FUNCTION. */
export function findEntry(file: string, parsed: Parsed): Entry {
  const body = parsed.root.body as Tree[]
  const edits = body.flatMap((node) => withoutExport(node, parsed))
  for (const node of body) {
    if (node.type === 'ExportDefaultDeclaration') return defaultEntry(file, node, edits, parsed)
    const named = (node.specifiers ?? []) as Tree[]
    const local = node.type === 'ExportNamedDeclaration' ? named.find(isDefault)?.local : undefined
    if (local !== undefined) {
      return { form: 'default', node: local as Tree, edits, result: (local as Tree).name as string }
    }
  }
  for (const node of body) {
    const found = sendIn((node.declaration as Tree | null | undefined) ?? node)
    if (found !== undefined) return { form: 'send', node: found, edits, result: 'send' }
  }
  throw new Refused('TRANSFORM_NO_FUNCTION', { file })
}

const isDefault = (specifier: Tree): boolean => (specifier.exported as Tree).name === 'default'

function defaultEntry(file: string, node: Tree, others: readonly Edit[], parsed: Parsed): Entry {
  const made = node.declaration as Tree
  if (made.type === 'ClassDeclaration') throw new Refused('TRANSFORM_NO_FUNCTION', { file })
  const id = made.id as Tree | null | undefined
  const end = afterDefault(node, parsed)
  const keyword = parsed.source.slice(node.start, end)
  if (made.type === 'FunctionDeclaration' && id) {
    const edit = { start: node.start, end, text: blank(keyword) }
    return { form: 'default', node: made, edits: [...others, edit], result: id.name as string }
  }
  let holder = '$made'
  while (parsed.source.includes(holder)) holder += '$'
  const edits = [...others, { start: node.start, end, text: `${holder}=${blank(keyword).slice(holder.length + 1)}` }]
  // Else a parenthesis on the next line would call it.
  if (isFunction(made)) edits.push({ start: node.end, end: node.end, text: ';' })
  return { form: 'default', node: made, edits, holder, result: holder }
}

/** Where the keyword `default` ends: the first that is none of a comment's, else what the parser took for one would run. */
function afterDefault(node: Tree, { source, comments }: Parsed): number {
  let at = source.indexOf('default', node.start)
  while (comments.some(({ start, end }) => start <= at && at < end)) at = source.indexOf('default', at + 1)
  return at + 'default'.length
}

function withoutExport(node: Tree, { source }: Parsed): Edit[] {
  if (node.type !== 'ExportNamedDeclaration') return []
  const end = node.declaration ? node.start + 'export'.length : node.end
  return [{ start: node.start, end, text: blank(source.slice(node.start, end)) }]
}

const blank = (text: string): string => text.replace(/[^\n\r\u2028\u2029]/g, ' ')

function sendIn(node: Tree): Tree | undefined {
  if (node.type === 'FunctionDeclaration') return (node.id as Tree).name === 'send' ? node : undefined
  if (node.type !== 'VariableDeclaration') return undefined
  for (const { id, init } of node.declarations as unknown as { id: Tree; init: Tree | null }[]) {
    if (id.name === 'send' && init !== null) return init
  }
  return undefined
}
