import { nearest } from '../../model/nearest.js'
import type { Loaded, LoadRequest } from '../protocol.js'
import { PROGRAM_URL } from '../protocol.js'
import { rewrite } from './censor.js'
import { findEntry } from './entry.js'
import { GLOBAL_NAMES, quietWorld, tamed, type World } from './globals.js'
import { Reads } from './reads.js'
import { Refused } from './refused.js'
import { resolveScopes, type Scopes } from './scope.js'
import { type Parsed, parseProgram, type Tree, walk } from './syntax.js'
import { positionIn, standardName } from './thrown.js'

/** The program's function, as it is called for one row. */
export type Guest = (first: unknown, second: unknown) => unknown

/** A program that has passed every check that can be made before the first row. */
export interface Program {
  readonly facts: Omit<Loaded, 'type'>
  /** Where the function that is called stands. */
  readonly at: string
  /** Names and texts that stand in the program: what else it makes up may be a value and is never quoted (I7). */
  readonly words: ReadonlySet<string>
  /** Runs the top level in a new compartment and gives the function. */
  readonly open: (world: World) => Guest
  /** `name:line:column` of what was thrown, or of the function where the stack tells nothing. */
  readonly positionOf: (thrown: unknown) => string
}

/** Checks a program and runs its top level once. Throws every static error of the table. */
export function loadProgram({ name, source }: LoadRequest): Program {
  const parsed = parseProgram(name, source)
  const scopes = resolveScopes(parsed.root)
  refuseUnknown(parsed, scopes)
  const entry = findEntry(name, parsed)
  const { text, original } = rewrite(parsed, entry.edits)
  const at = parsed.at(entry.node.start)
  const positionOf = (thrown: unknown): string => {
    const found = positionIn(thrown, text)
    return found === undefined ? at : parsed.at(original(found))
  }
  const first = entry.holder === undefined ? '' : `let ${entry.holder};`
  // The program begins on a line of its own, so that no column moves.
  const whole = `(()=>{"use strict";${first}\n${text}\n;return ${entry.result}})()\n//# sourceURL=${PROGRAM_URL}`
  const words = wordsOf(parsed.root)
  const open = (world: World): Guest => {
    const { evaluate } = tamed(world) // a fault in here is ours, and ends the process
    let guest: unknown
    try {
      guest = evaluate(whole)
    } catch (thrown) {
      throw new Refused('TRANSFORM_THREW', { at: positionOf(thrown), name: standardName(thrown, words) })
    }
    if (typeof guest !== 'function') throw new Refused('TRANSFORM_NO_FUNCTION', { file: name })
    return guest as Guest
  }
  const reads = new Reads(parsed, scopes).of(entry.node, entry.form)
  open(quietWorld())
  return { facts: { form: entry.form, ...reads }, at, words, open, positionOf }
}

function refuseUnknown(parsed: Parsed, scopes: Scopes): void {
  for (const { node, name, inSight } of scopes.free) {
    if (GLOBAL_NAMES.has(name)) continue
    const parent = parsed.parents.get(node)
    if (parent?.type === 'UnaryExpression' && parent.operator === 'typeof') continue
    const close = nearest(name, [...inSight(), ...GLOBAL_NAMES])
    const hint = close === undefined ? '' : `: perhaps ${close}`
    throw new Refused('TRANSFORM_UNKNOWN_IDENTIFIER', { at: parsed.at(node.start), name, nearest: hint })
  }
}

/** Every name and every text that stands in the program. */
function wordsOf(root: Tree): Set<string> {
  const words = new Set<string>()
  walk(root, (node) => {
    if (node.type === 'Identifier') words.add(node.name as string)
    if (node.type === 'Literal' && typeof node.value === 'string') words.add(node.value)
    if (node.type === 'TemplateElement') words.add((node.value as { cooked: string }).cooked)
  })
  return words
}
