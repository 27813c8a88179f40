import type { Absent, Fields, Nested, PickOptions } from '../../spark.js'
import { isAbsent, isStruct, isText, oneOf, optionReader } from './given.js'

const read = optionReader<PickOptions>('pick', { missing: ['omit', oneOf('omit', 'null', 'throw')] })

export function pick<V extends Nested>(
  struct: V,
  fields: readonly string[] | { readonly [to: string]: string },
  given?: PickOptions,
): Fields | Absent<V> {
  const { missing } = read(given)
  const wanted = wantedOf(fields)
  if (isAbsent(struct)) return struct as Absent<V>
  if (!isStruct(struct)) throw new TypeError('pick: what is given is no struct')
  const picked = new Map<string, unknown>()
  for (const [to, from] of wanted) {
    const value = Object.hasOwn(struct, from) ? struct[from] : undefined
    if (value !== undefined) picked.set(to, value)
    else if (missing === 'throw') throw new TypeError(`pick: there is no field ${from}`)
    else if (missing === 'null') picked.set(to, null)
  }
  return Object.fromEntries(picked) as Fields
}

function wantedOf(fields: unknown): (readonly [to: string, from: string])[] {
  const wanted = Array.isArray(fields)
    ? fields.map((name: unknown) => [name, name] as const)
    : isStruct(fields)
      ? Object.entries(fields)
      : undefined
  const areNames = wanted?.every((names): names is readonly [string, string] => names.every(isText))
  if (wanted === undefined || !areNames) throw new TypeError('pick: fields have to be names, or { to: from }')
  return wanted as (readonly [string, string])[]
}
