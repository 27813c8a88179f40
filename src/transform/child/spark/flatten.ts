import type { Absent, Fields, FlattenOptions, Nested } from '../../spark.js'
import { isAbsent, isStruct, isText, oneOf, optionReader, wholeUpTo } from './given.js'

const LEVELS_MAX = 100

/** A struct or an array whose fields are being read, and the name before theirs. */
interface Level {
  readonly held: { readonly [name: string]: unknown }
  readonly names: readonly string[]
  readonly prefix: string
  at: number
}

const level = (held: object, prefix: string): Level => ({
  held: held as Level['held'],
  names: Object.keys(held),
  prefix,
  at: 0,
})

const read = optionReader<FlattenOptions>('flatten', {
  depth: [LEVELS_MAX, wholeUpTo(LEVELS_MAX)],
  separator: ['_', isText],
  arrays: ['keep', oneOf('keep', 'index', 'json', 'drop')],
})

/** Walks without recursion: a stack of the engine shows its innermost frames only, and the caller's has to be there. */
export function flatten<V extends Nested>(struct: V, given?: FlattenOptions): Fields | Absent<V> {
  const { depth, separator, arrays } = read(given)
  if (isAbsent(struct)) return struct as Absent<V>
  if (!isStruct(struct)) throw new TypeError('flatten: what is given is no struct')
  const flat = new Map<string, unknown>()
  const open = [level(struct, '')]
  for (let top = open[0]; top !== undefined; top = open.at(-1)) {
    const name = top.names[top.at]
    top.at += 1
    if (name === undefined) {
      open.pop()
      continue
    }
    const value = top.held[name]
    const full = top.prefix + name
    if (open.length <= depth && (isStruct(value) || (Array.isArray(value) && arrays === 'index'))) {
      if (open.length === LEVELS_MAX) throw new RangeError(`flatten: more than ${LEVELS_MAX} levels`)
      open.push(level(value, full + separator))
    } else if (value !== undefined && !(Array.isArray(value) && arrays === 'drop')) {
      if (flat.has(full)) throw new TypeError(`flatten: ${pathOf(open)} gives a name that is taken: ${full}`)
      flat.set(full, Array.isArray(value) && arrays === 'json' ? JSON.stringify(value) : value)
    }
  }
  return Object.fromEntries(flat) as Fields
}

const pathOf = (open: readonly Level[]): string => open.map(({ names, at }) => names[at - 1]).join(' > ')
