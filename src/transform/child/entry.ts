import type { Exports } from './exports.js'
import { Refused } from './refused.js'
import type { Parsed, Tree } from './syntax.js'

/** The function that a program offers. */
export interface Entry {
  readonly form: 'send' | 'default'
  /** The function, or the expression that makes it. */
  readonly node: Tree
  /** Name of the function in the changed text. */
  readonly result: string
}

/** A default export if there is one, else a function `send`. Throws TRANSFORM_NO_FUNCTION. */
export function findEntry(file: string, { root, at }: Parsed, exports: Exports): Entry {
  const made = exports.default
  if (made !== undefined) {
    if (made.type === 'ClassDeclaration') throw new Refused('TRANSFORM_NO_FUNCTION', { file })
    return { form: 'default', node: made, result: exports.names.get('default') as string }
  }
  const [again] = exports.handedOn.filter(({ as }) => as === 'default' || as === 'send')
  if (again !== undefined) {
    const what = 'handing on the function of another file'
    throw new Refused('TRANSFORM_FORBIDDEN_SYNTAX', { at: at(again.node.start), what })
  }
  for (const node of root.body as Tree[]) {
    const found = sendIn((node.declaration as Tree | null | undefined) ?? node)
    if (found !== undefined) return { form: 'send', node: found, result: 'send' }
  }
  throw new Refused('TRANSFORM_NO_FUNCTION', { file })
}

function sendIn(node: Tree): Tree | undefined {
  if (node.type === 'FunctionDeclaration') return (node.id as Tree).name === 'send' ? node : undefined
  if (node.type !== 'VariableDeclaration') return undefined
  for (const { id, init } of node.declarations as unknown as { id: Tree; init: Tree | null }[]) {
    if (id.name === 'send' && init !== null) return init
  }
  return undefined
}
