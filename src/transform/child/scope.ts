import { childrenOf, isFunction, type Tree } from './syntax.js'

/** A declared name, the function it stands for where that is plain, and where it is used. */
export interface Binding {
  readonly name: string
  value: Tree | undefined
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
  const bindings = new Map<Tree, Binding>()
  const uses: { node: Tree; scope: Scope }[] = []
  const open = (outer: Scope | undefined, isFunctionScope: boolean): Scope => ({
    outer,
    names: new Map(),
    function: isFunctionScope,
  })

  const declare = (identifier: Tree, scope: Scope, value?: Tree): undefined => {
    const name = identifier.name as string
    const binding = scope.names.get(name) ?? { name, value: undefined, uses: [] }
    binding.value ??= value
    scope.names.set(name, binding)
    bindings.set(identifier, binding)
  }

  /** Declares the names of a pattern in `target`; defaults and computed keys are ordinary code of `scope`. */
  const bind = (pattern: Tree, target: Scope, scope: Scope, value?: Tree): undefined => {
    switch (pattern.type) {
      case 'Identifier':
        return declare(pattern, target, value)
      case 'RestElement':
        return bind(pattern.argument as Tree, target, scope)
      case 'AssignmentPattern':
        bind(pattern.left as Tree, target, scope)
        return visit(pattern.right as Tree, scope)
      case 'ArrayPattern':
        for (const element of pattern.elements as (Tree | null)[]) if (element) bind(element, target, scope)
        return
      case 'ObjectPattern':
        for (const property of pattern.properties as Tree[]) {
          if (property.computed === true) visit(property.key as Tree, scope)
          bind(property.type === 'RestElement' ? property : (property.value as Tree), target, scope)
        }
        return
      default:
        visit(pattern, scope)
    }
  }

  const visitFunction = (node: Tree, scope: Scope): undefined => {
    if (node.type === 'FunctionDeclaration' && node.id) declare(node.id as Tree, scope, node)
    const inner = open(scope, true)
    if (node.type === 'FunctionExpression' && node.id) declare(node.id as Tree, inner, node)
    if (node.type !== 'ArrowFunctionExpression')
      inner.names.set('arguments', { name: 'arguments', value: undefined, uses: [] })
    for (const param of node.params as Tree[]) bind(param, inner, inner)
    const body = node.body as Tree
    if (body.type === 'BlockStatement') for (const child of childrenOf(body)) visit(child, inner)
    else visit(body, inner)
  }

  const visitClass = (node: Tree, scope: Scope): undefined => {
    if (node.type === 'ClassDeclaration' && node.id) declare(node.id as Tree, scope)
    const inner = open(scope, false)
    if (node.type === 'ClassExpression' && node.id) declare(node.id as Tree, inner)
    if (node.superClass) visit(node.superClass as Tree, inner)
    visit(node.body as Tree, inner)
  }

  const visitVariables = (node: Tree, scope: Scope): undefined => {
    let target = scope
    if (node.kind === 'var') while (!target.function && target.outer !== undefined) target = target.outer
    for (const declarator of node.declarations as Tree[]) {
      const init = declarator.init as Tree | null
      const plain = init !== null && isFunction(init) && node.kind === 'const'
      bind(declarator.id as Tree, target, scope, plain ? init : undefined)
      if (init !== null) visit(init, scope)
    }
  }

  const visit = (node: Tree, scope: Scope): undefined => {
    if (isFunction(node)) return visitFunction(node, scope)
    switch (node.type) {
      case 'ClassDeclaration':
      case 'ClassExpression':
        return visitClass(node, scope)
      case 'VariableDeclaration':
        return visitVariables(node, scope)
      case 'CatchClause': {
        const inner = open(scope, false)
        if (node.param) bind(node.param as Tree, inner, inner)
        return visit(node.body as Tree, inner)
      }
      case 'Identifier':
        uses.push({ node, scope })
        return
      default: {
        const inner = BLOCKS.has(node.type) ? open(scope, node.type === 'StaticBlock') : scope
        for (const child of childrenOf(node)) if (!isLabelOrKey(node, child)) visit(child, inner)
      }
    }
  }

  visit(root, open(undefined, true))

  const free: Scopes['free'][number][] = []
  for (const { node, scope } of uses) {
    const name = node.name as string
    let at: Scope | undefined = scope
    while (at !== undefined && !at.names.has(name)) at = at.outer
    const binding = at?.names.get(name)
    if (binding === undefined) free.push({ node, name, inSight: () => namesInSight(scope) })
    else {
      bindings.set(node, binding)
      binding.uses.push(node)
    }
  }
  return { bindingOf: (identifier) => bindings.get(identifier), free }
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
