import { type Exports, nameOf } from './exports.js'
import { Refused } from './refused.js'
import type { Scopes } from './scope.js'
import type { Parsed, Tree } from './syntax.js'

/** One name that a file takes from elsewhere; `*` is all of it, and no `local` what is only run. */
export interface Import {
  readonly specifier: string
  readonly name: string
  readonly local?: string
  readonly node: Tree
  readonly declaration: Tree
}

/** Names a file beside the program, and no package. */
export const isFile = (specifier: string): boolean => /^\.{1,2}\//.test(specifier)

/**
 * What a file takes from others. In TypeScript a name that no value uses is a type, and is not asked for: such an import of
 * nothing but types goes.
 */
export function importsOf({ root, source }: Parsed, scopes: Scopes, isTyped: boolean): readonly Import[] {
  const declarations = (root.body as Tree[]).filter(({ type }) => type === 'ImportDeclaration')
  return declarations.flatMap((node): Import[] => {
    const specifier = (node.source as Tree).value as string
    const specifiers = node.specifiers as Tree[]
    if (specifiers.length === 0) {
      // Of `import { type T }` nothing is left but the braces.
      const isOfTypes = isTyped && !/^import\s*['"]/.test(source.slice(node.start))
      return isOfTypes ? [] : [{ specifier, name: '', node, declaration: node }]
    }
    const isUsed = ({ local }: Tree): boolean => (scopes.bindingOf(local as Tree)?.uses.length ?? 0) > 0
    return (isTyped ? specifiers.filter(isUsed) : specifiers).map((one) => {
      const local = (one.local as Tree).name as string
      if (one.type === 'ImportSpecifier')
        return { specifier, name: nameOf(one.imported as Tree), local, node: one, declaration: node }
      const name = one.type === 'ImportDefaultSpecifier' ? 'default' : '*'
      return { specifier, name, local, node: one, declaration: node }
    })
  })
}

/** What of a file needs others, each once: those of its imports, of what it hands on, and of `require`. */
export interface Needed {
  readonly specifier: string
  readonly node: Tree
}

export function neededBy(imports: readonly Import[], { handedOn }: Exports, required: readonly Needed[]): Needed[] {
  const imported = imports.map(({ specifier, declaration }) => ({ specifier, node: declaration }))
  const all = [...imported, ...handedOn, ...required]
  return all.filter(({ specifier }, at) => all.findIndex((other) => other.specifier === specifier) === at)
}

/** The packages that `require('name')` asks for. Throws TRANSFORM_FORBIDDEN_SYNTAX for any other use of `require`. */
export function requiredBy(parsed: Parsed, scopes: Scopes): Needed[] {
  const isAskedFor = (node: Tree): boolean => parsed.parents.get(node)?.operator !== 'typeof'
  return scopes.free
    .filter(({ name, node }) => name === 'require' && isAskedFor(node))
    .map(({ node }) => {
      const call = parsed.parents.get(node)
      const [first, ...more] = (call?.type === 'CallExpression' && call.callee === node ? call.arguments : []) as Tree[]
      const specifier = first?.type === 'Literal' ? first.value : undefined
      if (typeof specifier === 'string' && more.length === 0 && !isFile(specifier)) return { specifier, node }
      const what =
        typeof specifier === 'string' ? '`require()` of a file' : '`require` of anything but a quoted package'
      throw new Refused('TRANSFORM_FORBIDDEN_SYNTAX', { at: parsed.at(node.start), what })
    })
}
