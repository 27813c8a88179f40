import type { Loaded, LoadRequest, Needs } from '../protocol.js'
import { type Entry, findEntry } from './entry.js'
import { quietWorld, type World } from './globals.js'
import { type Linked, link } from './link.js'
import { type Module, wordsOf } from './module.js'
import type { Packages } from './packages.js'
import { Reads } from './reads.js'
import { Refused } from './refused.js'
import type { Tree } from './syntax.js'
import { frameOf, offsetOf, standardName } from './thrown.js'

/** The program's function, as it is called for one row, or for a batch of them. */
export type Guest = (first: unknown, second: unknown) => unknown

/** A program that has passed every check that can be made before the first row. */
export interface Program {
  readonly facts: Omit<Loaded, 'type'>
  /** Names and texts that stand in the program: what else it makes up may be a value and is never quoted (I7). */
  readonly words: ReadonlySet<string>
  /** Whether the function is called for a batch of rows. */
  readonly batch: boolean
  /** Whether the function can see what it is handed beside its row. */
  readonly seesContext: boolean
  /** Runs the top level in a new compartment and gives the function. */
  readonly open: (world: World) => Guest
  /** `file:line:column` of what was thrown, or of the function where the stack tells nothing. */
  readonly positionOf: (thrown: unknown) => string
}

/** Checks a program and runs its top level once, unless it needs more files or packages. Throws every static error of the table. */
export function loadProgram(request: LoadRequest, packages: Packages): Program | Needs {
  let entry: Entry | undefined
  const linked = link(request, packages, (first) => {
    entry = findEntry(first.id, first.parsed, first.exports)
    return entry.result
  })
  return 'type' in linked ? linked : programOf(linked, entry as Entry, request.batch)
}

function programOf({ entry: first, modules, open }: Linked, entry: Entry, batch: boolean): Program {
  const at = first.parsed.at(entry.node.start)
  const positionOf = (thrown: unknown): string => positionIn(thrown, modules) ?? at
  const words = new Set(modules.flatMap(wordsOf))
  const opened = (world: World): Guest => {
    let guest: unknown
    try {
      guest = open(world).entry
    } catch (thrown) {
      if (Refused.is(thrown)) throw thrown
      throw new Refused('TRANSFORM_THREW', { at: positionOf(thrown), name: standardName(thrown, words) })
    }
    if (typeof guest !== 'function') throw new Refused('TRANSFORM_NO_FUNCTION', { file: first.id })
    return guest as Guest
  }
  const reads = new Reads(first.parsed, first.scopes).of(entry.node, entry.form, batch)
  opened(quietWorld())
  const facts = { form: entry.form, at, ...reads }
  return { facts, words, batch, seesContext: seesContext(entry.node), open: opened, positionOf }
}

/** False for an arrow of one parameter at most, which has no `arguments`: a default export is what stands there. */
function seesContext({ type, params }: Tree): boolean {
  const names = params as readonly Tree[]
  return type !== 'ArrowFunctionExpression' || names.length > 1 || names[0]?.type === 'RestElement'
}

function positionIn(thrown: unknown, modules: readonly Module[]): string | undefined {
  const frame = frameOf(thrown)
  const module = modules[frame?.nth ?? -1]
  if (frame === undefined || module === undefined) return undefined
  const { parsed, rewritten } = module
  const offset = offsetOf(rewritten.text, frame.line, frame.column)
  return offset === undefined ? undefined : parsed.at(rewritten.original(offset))
}
