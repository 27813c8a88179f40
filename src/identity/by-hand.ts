import { compareBytes } from '../model/byte-order.js'
import type { Identifier } from '../model/identifier.js'
import { type NewRecord, wordRef } from './evidence.js'
import { identifierOf, invalidOption as invalid, optionsOf } from './place.js'
import { idOf, type Namespace, partsOf, type Rules } from './rules.js'

/** What a human says is a record like any other: order-free, kept once, and without trace when it is taken back. */
const SAYS = { deny: { apart: true }, merge: { together: true }, block: { blocked: true } } as const

/** The record of a word about two identifiers. Throws OPTION_INVALID for what joins nobody, or a pair of the same. */
export function pairWord(rules: Rules, word: 'deny' | 'merge', pair: readonly [Identifier, Identifier]): NewRecord {
  const [a, b] = pair.map((identifier) => usableId(rules, word, identifier)) as [string, string]
  if (a === b) throw invalid(word, 'names one identifier twice')
  const ids = [a, b].map(partsOf).sort((x, y) => orderOf(rules, x) - orderOf(rules, y) || compareBytes(x[1], y[1]))
  return { ref: wordRef(word, [a, b]), versions: [{ at: null, ids, ...SAYS[word] }] }
}

/** The record that blocks an identifier. Throws OPTION_INVALID for what joins nobody anyway. */
export function blockWord(rules: Rules, identifier: Identifier): NewRecord {
  const id = usableId(rules, 'block', identifier)
  return { ref: wordRef('block', [id]), versions: [{ at: null, ids: [partsOf(id)], ...SAYS.block }] }
}

/** The same record, to be taken out. */
export const takenBack = ({ ref }: NewRecord): NewRecord => ({ ref, versions: [] })

/** What is to be forgotten, as the rules write it. Throws OPTION_INVALID */
export function idsToForget(
  rules: Rules,
  identifiers: readonly Identifier[],
  options: { readonly projects: readonly string[] },
): readonly string[] {
  if (!Array.isArray(identifiers)) throw invalid('identifiers', 'is no list of { namespace, value }')
  if (!Array.isArray(optionsOf(options).projects)) throw invalid('projects', 'is no list of names')
  return [...new Set(identifiers.map((identifier: Identifier) => usableId(rules, 'forget', identifier)))]
}

/** An identifier as the rules write it. Throws OPTION_INVALID for one that joins nobody. */
export function usableId(rules: Rules, option: string, identifier: Identifier): string {
  const { namespace, value } = identifierOf(option, identifier)
  const reading = rules.read(namespace, value)
  if ('value' in reading) return idOf(namespace, reading.value)
  throw invalid(option, `names an identifier that joins nobody: ${reading.problem}`)
}

const orderOf = (rules: Rules, [name]: readonly [string, string]): number =>
  (rules.namespaces.get(name) as Namespace).order
