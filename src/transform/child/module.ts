import { nearest } from '../../model/nearest.js'
import type { ModuleText } from '../protocol.js'
import { PROGRAM_URL } from '../protocol.js'
import { absent } from './absent.js'
import { type Rewritten, rewrite } from './censor.js'
import { type Exports, exportsOf, parted } from './exports.js'
import { GLOBAL_NAMES } from './globals.js'
import { type Import, importsOf, type Needed, neededBy, requiredBy } from './imports.js'
import { Refused } from './refused.js'
import { resolveScopes, type Scopes } from './scope.js'
import { isTyped, type Parsed, parseProgram, type Tree, walk } from './syntax.js'
import { blanked } from './typescript.js'

/** One file of a program that has passed every check that can be made of it alone. */
export interface Module {
  readonly id: string
  /** By what stands in its imports: the id of the file. */
  readonly links: Readonly<Record<string, string>>
  readonly parsed: Parsed
  readonly scopes: Scopes
  readonly exports: Exports
  readonly imports: readonly Import[]
  /** Files and packages, each once. */
  readonly needs: readonly Needed[]
  readonly usesRequire: boolean
  readonly rewritten: Rewritten
}

/** Throws every static error of the table that one file can have. */
export function moduleOf({ id, source, links }: ModuleText): Module {
  const parsed = parseProgram(id, source, isTyped(id) ? blanked : undefined)
  const scopes = resolveScopes(parsed.root)
  const required = requiredBy(parsed, scopes)
  refuseUnknown(parsed, scopes)
  const exports = exportsOf(parsed, scopes)
  const imports = importsOf(parsed, scopes, isTyped(id))
  const needs = neededBy(imports, exports, required)
  const rewritten = rewrite(parsed, [...exports.edits, ...withoutImports(parsed)])
  return { id, links, parsed, scopes, exports, imports, needs, usesRequire: required.length > 0, rewritten }
}

function withoutImports({ root, source }: Parsed) {
  return (root.body as Tree[])
    .filter(({ type }) => type === 'ImportDeclaration')
    .map(({ start, end }) => ({ start, end, text: parted(source.slice(start, end)) }))
}

function refuseUnknown(parsed: Parsed, scopes: Scopes): void {
  for (const { node, name, inSight } of scopes.free) {
    if (GLOBAL_NAMES.has(name) || name === 'require') continue
    const parent = parsed.parents.get(node)
    if (parent?.type === 'UnaryExpression' && parent.operator === 'typeof') continue
    const at = parsed.at(node.start)
    throw absent(at, name) ?? unknown(at, name, [...inSight(), ...GLOBAL_NAMES])
  }
}

/** A name that is not there, with the nearest that is. */
export function unknown(at: string, name: string, names: Iterable<string>): Refused {
  const close = nearest(name, names)
  const hint = close === undefined ? '' : `: perhaps ${close}`
  return new Refused('TRANSFORM_UNKNOWN_IDENTIFIER', { at, name, nearest: hint })
}

/**
 * A script that gives a function of `take`, which hands out what other files offer, and that gives what this one does.
 * The file's own text begins on the second line, so that no column moves.
 *
 * @param nth     where the module stands in its program: told by stack traces
 * @param entry   of the program's first file: the function that it offers, and nothing else
 */
export function scriptOf({ imports, exports, parsed, rewritten }: Module, nth: number, entry?: string): string {
  let take = '$take'
  while (parsed.source.includes(take)) take += '$'
  const taken = imports.map(({ specifier, name, local }) => {
    const asked = `${take}(${quoted(specifier)},${quoted(name)})`
    return local === undefined ? `${asked};` : `const ${local}=${asked};`
  })
  const holder = exports.holder === undefined ? '' : `let ${exports.holder};`
  const offered = entry === undefined ? [...exports.names] : [['entry', entry] as const]
  const getters = offered.map(([name, local]) => `get ${quoted(name)}(){return ${local}}`)
  const first = `(${take}=>{"use strict";${holder}${taken.join('')}`
  return `${first}\n${rewritten.text}\n;return {__proto__:null,${getters.join()}}})\n//# sourceURL=${PROGRAM_URL}/${nth}`
}

/** A text as it may stand in a script that SES takes: what it refuses by its look is escaped. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(/[<>(\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Every name and every text that stands in a file. */
export function wordsOf({ parsed }: Module): string[] {
  const words: string[] = []
  walk(parsed.root, (node) => {
    if (node.type === 'Identifier') words.push(node.name as string)
    if (node.type === 'Literal' && typeof node.value === 'string') words.push(node.value)
    if (node.type === 'TemplateElement') words.push((node.value as { cooked: string }).cooked)
  })
  return words
}
