import type * as z from 'zod'
import { nearest } from './nearest.js'

/** Which option is wrong, and how: facts of an OPTION_INVALID. Names and bounds, never what an option holds. */
export interface OptionFault {
  readonly option: string
  readonly problem: string
}

/**
 * The first thing that is wrong with options: before all else a name that is no option, since what is missing may be what was
 * meant by it. It is repeated: it is the host's own word.
 *
 * @param schema  what they were held against: it knows the name that a misspelt one may stand for
 * @param within  the option that was looked at, where it was not all of them
 */
export function optionFault({ issues }: z.ZodError, schema: z.ZodType, within?: string): OptionFault {
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]
  const path = (issue?.path ?? []).map(String)
  const named = (names: readonly string[]): string => [...(within === undefined ? [] : [within]), ...names].join('.')
  if (issue?.code === 'unrecognized_keys') {
    const [unknown = ''] = issue.keys
    const close = nearest(unknown, namesAt(schema, path))
    return { option: named([...path, unknown]), problem: `is not an option${close ? ` (perhaps ${close})` : ''}` }
  }
  return { option: named(path) || 'options', problem: problemOf(issue?.message ?? '') }
}

/** What zod says begins with a capital; what a check of ours says is what the option is, or has. */
function problemOf(message: string): string {
  if (message.endsWith('received undefined')) return 'is missing'
  if (message === 'Invalid input' || message === '') return 'is not what its comment allows'
  const [first = ''] = message
  return first === first.toLowerCase() ? message : `is not valid: ${first.toLowerCase()}${message.slice(1)}`
}

/** What is looked at of a schema: its fields, or the names that keys may be. */
interface Looked {
  readonly shape?: Readonly<Record<string, Looked>>
  readonly def?: { readonly innerType?: Looked; readonly keyType?: Looked; readonly entries?: object }
}

function namesAt(schema: z.ZodType, path: readonly string[]): readonly string[] {
  let at: Looked | undefined = inner(schema as unknown as Looked)
  for (const name of path) at = inner(at?.shape?.[name])
  return Object.keys(at?.shape ?? at?.def?.keyType?.def?.entries ?? {})
}

/** Without `optional`, `default` and the like around it. */
function inner(schema: Looked | undefined): Looked | undefined {
  let at = schema
  while (at?.def?.innerType !== undefined) at = at.def.innerType
  return at
}
