import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import type { ListRef } from '../model/action.js'
import { optionFault } from '../model/option-fault.js'

/** A transform without code: which columns become what. */
export interface ColumnMapping {
  /** By namespace: the column that holds the identifier, e.g. `{ customer_id: 'user_id', email: 'email' }`. */
  readonly identifiers: Readonly<Record<string, string>>
  /** By field of the profile: the column; one at least. An array names columns that keep their names. */
  readonly dataFields?: Readonly<Record<string, string>> | readonly string[] | undefined
  /** By list: the BOOLEAN column that says who is on it; NULL is undecided; one at least. An array names lists by number. */
  readonly lists?:
    | Readonly<Record<string, string>>
    | readonly { readonly list: ListRef; readonly member: string }[]
    | undefined
}

const column = z.string().min(1)
const MAPPING = z
  .strictObject({
    identifiers: z.record(z.string().min(1), column),
    dataFields: z.union([z.record(z.string().min(1), column), z.array(column)]).optional(),
    lists: z
      .union([
        z.record(z.string().min(1), column),
        z.array(z.strictObject({ list: z.union([z.string().min(1), z.int()]), member: column })),
      ])
      .optional(),
  })
  .refine(({ identifiers }) => Object.keys(identifiers).length > 0, 'needs an identifier')
  .refine((mapping) => mapping.dataFields !== undefined || mapping.lists !== undefined, 'needs dataFields or lists')

/** A name that an object has by birth: as a field it is lost, and as a column it is there in every row. */
const INBORN = '__proto__'

/** Looks at what was given itself: the schema passes such a name over. */
function assertNames(mapping: ColumnMapping): void {
  for (const part of ['identifiers', 'dataFields', 'lists'] as const) {
    const given: unknown = mapping?.[part]
    if (typeof given !== 'object' || given === null) continue
    const names: unknown[] = Array.isArray(given) ? [] : Object.keys(given)
    const columns = Object.values(given).map((one: unknown) => (one as { member?: unknown } | null)?.member ?? one)
    if ([...names, ...columns].includes(INBORN))
      throw invalid(`map.${part}`, `has the name ${INBORN}, which cannot be used`)
    if (columns.length === 0 && part !== 'identifiers') throw invalid(`map.${part}`, 'is empty: leave it out')
  }
}

const invalid = (option: string, problem: string): LakeloopError =>
  new LakeloopError('OPTION_INVALID', { part: 'Transform', option, problem })

/** The program that does what a mapping says. Throws OPTION_INVALID. */
export function mappingProgram(mapping: ColumnMapping): string {
  assertNames(mapping)
  const checked = MAPPING.safeParse(mapping)
  if (!checked.success) {
    const { option, problem } = optionFault(checked.error, MAPPING, 'map')
    throw invalid(option, problem)
  }
  const { identifiers, dataFields, lists } = checked.data
  const actions: string[] = []
  if (dataFields !== undefined) {
    const fields = Array.isArray(dataFields)
      ? dataFields.map((name) => [name, name] as const)
      : Object.entries(dataFields)
    actions.push(`{ kind: 'profile', identifiers, dataFields: ${columns(fields)} }`)
  }
  const listed = Array.isArray(lists) ? lists : Object.entries(lists ?? {}).map(([list, member]) => ({ list, member }))
  for (const { list, member } of listed) {
    const said = `member: row[${JSON.stringify(member)}] ?? undefined`
    actions.push(`{ kind: 'membership', identifiers, list: ${JSON.stringify(list)}, ${said} }`)
  }
  return `export default (row) => {
  const identifiers = ${columns(Object.entries(identifiers))}
  return [${actions.join(', ')}]
}
`
}

const columns = (entries: readonly (readonly [string, string])[]): string =>
  `{ ${entries.map(([name, from]) => `[${JSON.stringify(name)}]: row[${JSON.stringify(from)}]`).join(', ')} }`
