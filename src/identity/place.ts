import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import type { Evidence, Identifier, Identifiers } from '../model/identifier.js'
import type { Store } from '../stores/store.js'
import { invalidRule, type Rules } from './rules.js'

const PLACE = z.object({
  store: z.custom<Store>(
    (value) => ['get', 'scan', 'commit'].every((method) => typeof value?.[method as never] === 'function'),
    'is no store',
  ),
  graph: z.string().regex(/^[\w.-]{1,64}$/, 'is no name of 1 to 64 letters, digits, dots, dashes'),
  target: z.string(),
})

/** Where a resolver keeps its graph, and what it resolves to. Throws OPTION_INVALID, IDENTITY_RULES_INVALID */
export function checkPlace(place: { store: Store; target: string; graph: string }, rules: Rules): void {
  const checked = PLACE.safeParse(place)
  const [issue] = checked.error?.issues ?? []
  const rule = rules.namespaces.get(place.target)
  if (issue !== undefined) throw invalidOption(String(issue.path[0]), issue.message)
  if (rule === undefined) throw invalidOption('target', 'names a namespace that is not declared')
  if (rule.attributeOnly)
    throw invalidRule('attributeOnly', 'names the target, and an address has to be one of a person')
}

/** An object of options, whatever was handed in. Throws OPTION_INVALID */
export function optionsOf<Options>(options: Options): Options {
  if (typeof options === 'object' && options !== null) return options
  throw invalidOption('options', 'is no object')
}

/** Throws OPTION_INVALID for what is no identifier; what its value is worth, the rules say. */
export function identifierOf(option: string, identifier: Identifier): Identifier {
  if (typeof (identifier as Partial<Identifier> | null)?.namespace === 'string') return identifier
  throw invalidOption(option, 'is no identifier { namespace, value }')
}

/** Throws OPTION_INVALID for what is no list of records: a mistake in the host's program, and not in its data. */
export function recordsOf(records: readonly Evidence[]): readonly Evidence[] {
  const isRecord = (record: Partial<Evidence> | null): boolean =>
    typeof record?.source === 'string' &&
    typeof record.key === 'string' &&
    (record.observedAt == null || typeof record.observedAt === 'string') &&
    Array.isArray(record.ids) &&
    record.ids.every((id: Partial<Identifier> | null) => typeof id?.namespace === 'string') &&
    [undefined, 'latest', 'history'].includes(record.keep)
  if (Array.isArray(records) && records.every(isRecord)) return records
  throw invalidOption('records', 'is no list of { source, key, observedAt, ids, keep }')
}

/** Throws OPTION_INVALID for what is no list of bags. */
export function bagsOf(bags: readonly Identifiers[]): readonly Identifiers[] {
  if (Array.isArray(bags) && bags.every((bag) => typeof bag === 'object' && bag !== null)) return bags
  throw invalidOption('bags', 'is no list of objects from namespace to value')
}

export const invalidOption = (option: string, problem: string) =>
  new LakeloopError('OPTION_INVALID', { part: 'IdentityResolver', option, problem })
