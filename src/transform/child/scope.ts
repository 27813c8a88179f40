import { childrenOf, isFunction, type Tree } from './syntax.js'

/** A declared name, the function it stands for where that is plain, and where it is used. */
export interface Binding {
  readonly name: string
  value: Tree | undefined
  /** Where: a parameter and a `var` of one name are one variable. */
  readonly declared: Tree[]
  readonly uses: Tree[]
}

interface Scope {
  readonly outer: Scope | undefined
  readonly names: Map<string, Binding>
  /** True where a `var` ends up. */
  readonly function: boolean
}

export interface Scopes {
  /** What a name in use, or in a declaration, refers to. */
  readonly bindingOf: (identifier: Tree) => Binding | undefined
  /** Names that nothing in the program declares, in order of appearance, with the names that are in sight there. */
  readonly free: readonly { readonly node: Tree; readonly name: string; readonly inSight: () => readonly string[] }[]
}

const BLOCKS = new Set([
  'BlockStatement',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'SwitchStatement',
  'StaticBlock',
])

/** Resolves every name of a module, hoisting included; what is used before its declaration is left to the run. */
export function resolveScopes(root: Tree): Scopes {
  const walk = new ScopeWalk()
  walk.visit(root, open(undefined, true))
  return walk.resolved()
}

const open = (outer: Scope | undefined, isFunctionScope: boolean): Scope => ({
  outer,
  names: new Map(),
  function: isFunctionScope,
})

/** One pass that declares names and notes uses; the uses are resolved when all declarations are known. */
class ScopeWalk {
  readonly #bindings = new Map<Tree, Binding>()
  readonly #uses: { readonly node: Tree; readonly scope: Scope }[] = []

  visit(node: Tree, scope: Scope): void {
    if (isFunction(node)) {
      this.#function(node, scope)
      return
    }
    switch (node.type) {
      case 'ClassDeclaration':
      case 'ClassExpression':
        this.#class(node, scope)
        return
      case 'VariableDeclaration':
        this.#variables(node, scope)
        return
      case 'CatchClause': {
        const inner = open(scope, false)
        if (node.param) this.#bind(node.param as Tree, inner, inner)
        this.visit(node.body as Tree, inner)
        return
      }
      case 'Identifier':
        this.#uses.push({ node, scope })
        return
      case 'ImportDeclaration':
        for (const { local } of node.specifiers as { local: Tree }[]) this.#declare(local, scope)
        return
      case 'ExportNamedDeclaration':
        if (node.source) return // names of another file
        for (const child of childrenOf(node)) this.visit(child, scope)
        return
      case 'ExportAllDeclaration':
        return
      default: {
        const inner = BLOCKS.has(node.type) ? open(scope, node.type === 'StaticBlock') : scope
        for (const child of childrenOf(node)) if (!isLabelOrKey(node, child)) this.visit(child, inner)
      }
    }
  }

  resolved(): Scopes {
    const free: Scopes['free'][number][] = []
    for (const { node, scope } of this.#uses) {
      const name = node.name as string
      let at: Scope | undefined = scope
      while (at !== undefined && !at.names.has(name)) at = at.outer
      const binding = at?.names.get(name)
      if (binding === undefined) free.push({ node, name, inSight: () => namesInSight(scope) })
      else {
        this.#bindings.set(node, binding)
        binding.uses.push(node)
      }
    }
    return { bindingOf: (identifier) => this.#bindings.get(identifier), free }
  }

  #declare(identifier: Tree, scope: Scope, value?: Tree): void {
    const name = identifier.name as string
    const known = scope.names.get(name)
    const binding: Binding = known ?? { name, value, declared: [], uses: [] }
    binding.declared.push(identifier)
    if (known !== undefined) binding.value = undefined // which of the two it stands for is not plain
    scope.names.set(name, binding)
    this.#bindings.set(identifier, binding)
  }

  /** Declares the names of a pattern in `target`; defaults and computed keys are ordinary code of `scope`. */
  #bind(pattern: Tree, target: Scope, scope: Scope, value?: Tree): void {
    switch (pattern.type) {
      case 'Identifier':
        this.#declare(pattern, target, value)
        return
      case 'RestElement':
        this.#bind(pattern.argument as Tree, target, scope)
        return
      case 'AssignmentPattern':
        this.#bind(pattern.left as Tree, target, scope)
        this.visit(pattern.right as Tree, scope)
        return
      case 'ArrayPattern':
        for (const element of pattern.elements as (Tree | null)[]) if (element) this.#bind(element, target, scope)
        return
      case 'ObjectPattern':
        for (const property of pattern.properties as Tree[]) {
          if (property.computed === true) this.visit(property.key as Tree, scope)
          this.#bind(property.type === 'RestElement' ? property : (property.value as Tree), target, scope)
        }
        return
      default:
        this.visit(pattern, scope)
    }
  }

  #function(node: Tree, scope: Scope): void {
    if (node.type === 'FunctionDeclaration' && node.id) this.#declare(node.id as Tree, scope, node)
    const inner = open(scope, true)
    if (node.type === 'FunctionExpression' && node.id) this.#declare(node.id as Tree, inner, node)
    if (node.type !== 'ArrowFunctionExpression') {
      inner.names.set('arguments', { name: 'arguments', value: undefined, declared: [], uses: [] })
    }
    for (const param of node.params as Tree[]) this.#bind(param, inner, inner)
    const body = node.body as Tree
    if (body.type === 'BlockStatement') for (const child of childrenOf(body)) this.visit(child, inner)
    else this.visit(body, inner)
  }

  #class(node: Tree, scope: Scope): void {
    if (node.type === 'ClassDeclaration' && node.id) this.#declare(node.id as Tree, scope)
    const inner = open(scope, false)
    if (node.type === 'ClassExpression' && node.id) this.#declare(node.id as Tree, inner)
    if (node.superClass) this.visit(node.superClass as Tree, inner)
    this.visit(node.body as Tree, inner)
  }

  #variables(node: Tree, scope: Scope): void {
    let target = scope
    if (node.kind === 'var') while (!target.function && target.outer !== undefined) target = target.outer
    for (const declarator of node.declarations as Tree[]) {
      const init = declarator.init as Tree | null
      const plain = init !== null && isFunction(init) && node.kind === 'const'
      this.#bind(declarator.id as Tree, target, scope, plain ? init : undefined)
      if (init !== null) this.visit(init, scope)
    }
  }
}

/** True for an identifier that names a property, a label or an export and is no variable. */
function isLabelOrKey(parent: Tree, child: Tree): boolean {
  switch (parent.type) {
    case 'MemberExpression':
      return parent.property === child && parent.computed !== true
    case 'Property':
      return parent.key === child && parent.computed !== true // a shorthand is seen as its value
    case 'MethodDefinition':
    case 'PropertyDefinition':
      return parent.key === child && parent.computed !== true
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      return parent.label === child
    case 'ExportSpecifier':
      return parent.local !== child || parent.exported === child
    case 'MetaProperty':
      return true
    default:
      return false
  }
}

function namesInSight(scope: Scope): string[] {
  const names: string[] = []
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) names.push(...at.names.keys())
  return names
}
