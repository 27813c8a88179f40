import { Refused } from './refused.js'
import type { Tree } from './syntax.js'

/** True of what leaves nothing behind: a type-only statement, member or module item. */
export function isErased(node: Tree): boolean {
  if (
    (node.declare === true && node.type !== 'MethodDefinition') ||
    node.importKind === 'type' ||
    node.exportKind === 'type'
  )
    return true
  switch (node.type) {
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
    case 'TSDeclareFunction':
    case 'TSIndexSignature':
      return true
    case 'TSModuleDeclaration':
      return holdsTypes(node)
    case 'MethodDefinition':
      return (node.value as Tree).type === 'TSDeclareMethod'
    case 'PropertyDefinition':
      return node.abstract === true
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
      return node.declaration !== null && isErased(node.declaration as Tree)
    default:
      return false
  }
}

/** What a namespace with types only may hold is narrower than what TypeScript takes for one: when in doubt, it is refused. */
function holdsTypes({ body }: Tree): boolean {
  const held = body as Tree | undefined
  if (held?.type === 'TSModuleDeclaration') return holdsTypes(held)
  return (held?.body as Tree[] | undefined)?.every(isType) ?? false
}

function isType(item: Tree): boolean {
  if (item.type === 'ExportNamedDeclaration' && item.declaration !== null) return isType(item.declaration as Tree)
  return (
    item.type === 'TSInterfaceDeclaration' ||
    item.type === 'TSTypeAliasDeclaration' ||
    (item.type === 'TSModuleDeclaration' && holdsTypes(item))
  )
}

/** `this` as the first parameter is a type. */
export const isThis = (parameter: Tree): boolean => parameter.type === 'Identifier' && parameter.name === 'this'

/** The expression inside of what only adds a type to it, or a parenthesis. */
export function untyped(node: Tree): Tree {
  switch (node.type) {
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'TSInstantiationExpression':
    case 'ParenthesizedExpression':
      return untyped(node.expression as Tree)
    default:
      return node
  }
}

/** What TypeScript would make code of, by its name. */
export function compiled(node: Tree): string | undefined {
  if ((node.decorators as unknown[] | undefined)?.length) return 'a decorator'
  if (node.accessor === true) return '`accessor`'
  if (isErased(node)) return undefined
  switch (node.type) {
    case 'TSEnumDeclaration':
      return node.const === true ? '`const enum`' : '`enum`'
    case 'TSModuleDeclaration':
      return 'a `namespace` with values'
    case 'TSParameterProperty':
      return 'a parameter property'
    case 'TSImportEqualsDeclaration':
      return '`import =`'
    case 'TSExportAssignment':
      return '`export =`'
    case 'TSNamespaceExportDeclaration':
      return '`export as namespace`'
    default:
      return undefined
  }
}

/** Of a program that would mean something else without its types, or whose types can be read in two ways. */
export const INSEPARABLE = 'Its types do not come off here: put parentheses around the expression with its type'

export const inseparable = (at: string): Refused => new Refused('TRANSFORM_SYNTAX', { at, problem: INSEPARABLE })
