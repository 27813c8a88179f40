import { isWritten } from './exports.js'
import type { Binding, Scopes } from './scope.js'
import { constantKey, isFunction, type Parsed, type Tree } from './syntax.js'

/** What makes a value of its own, whatever stands in it: what it holds of a row is seen where it stands. */
const FRESH = new Set(['ObjectExpression', 'ArrayExpression', 'Literal', 'TemplateLiteral'])

/**
 * What the program itself has written before it is read, so that nothing of a source is read there.
 *
 * Laws    true only where a plain statement has written it before, in whatever way control comes to the use: earlier in a block
 *         that the use stands in, and not in another function, which may run at any time.
 */
export class Overwritten {
  readonly #parsed: Parsed
  readonly #scopes: Scopes

  constructor(parsed: Parsed, scopes: Scopes) {
    this.#parsed = parsed
    this.#scopes = scopes
  }

  /** Whether a member of a variable was written, as in `row.level = 1; row.level`. */
  column(object: Tree, name: string): boolean {
    if (object.type !== 'Identifier') return false
    const binding = this.#scopes.bindingOf(object)
    // A variable that stands for one object throughout.
    if (binding === undefined || binding.declared.length !== 1) return false
    if (binding.uses.some((use) => isWritten(use, this.#parsed))) return false
    const [declared] = binding.declared
    return this.#before(object, (left, { start }) => {
      if (left.type !== 'MemberExpression' || start < (declared as Tree).start) return false
      const isOfIt = this.#scopes.bindingOf(left.object as Tree) === binding
      return isOfIt && constantKey(left.property as Tree, left.computed === true) === name
    })
  }

  /** Whether a variable stands for a value that the program has made, as in `row = {}; row.level`. */
  variable(use: Tree, binding: Binding): boolean {
    if (binding.declared.length !== 1) return false
    const written = binding.uses.filter((one) => isWritten(one, this.#parsed))
    if (written.length === 0 || !written.every((one) => this.#isMade(one))) return false
    return this.#before(use, (left) => left.type === 'Identifier' && this.#scopes.bindingOf(left) === binding)
  }

  #isMade(written: Tree): boolean {
    const parent = this.#parsed.parents.get(written)
    const isPlain = parent?.type === 'AssignmentExpression' && parent.operator === '=' && parent.left === written
    return isPlain && FRESH.has((parent.right as Tree).type)
  }

  /** Whether an assignment that runs before `use` has such a left side. */
  #before(use: Tree, is: (left: Tree, assignment: Tree) => boolean): boolean {
    const { parents } = this.#parsed
    let node = use
    for (let parent = parents.get(node); parent !== undefined; parent = parents.get(node)) {
      if (isFunction(parent) || parent.type === 'ClassBody') return false
      if (parent.type === 'BlockStatement' || parent.type === 'Program') {
        for (const statement of parent.body as Tree[]) {
          if (statement === node) break
          const made = statement.type === 'ExpressionStatement' ? (statement.expression as Tree) : undefined
          if (made?.type === 'AssignmentExpression' && made.operator === '=' && is(made.left as Tree, made)) return true
        }
      }
      node = parent
    }
    return false
  }
}
