import type { Absent, EntryNames, Fields, Nested } from '../../spark.js'
import { isAbsent, isStruct, isText, optionReader } from './given.js'

/** Key and value in the map's order; the value is `undefined` where it was left out. */
type Entry = readonly [key: unknown, value: unknown]

const isEntry = (value: unknown): value is { readonly key: unknown; readonly value?: unknown } =>
  isStruct(value) &&
  Object.hasOwn(value, 'key') &&
  Object.keys(value).every((name) => name === 'key' || name === 'value')

function entriesOf(helper: string, map: object): Entry[] {
  if (!Array.isArray(map)) {
    if (!isStruct(map)) throw new TypeError(`${helper}: what is given is no map`)
    return Object.entries(map)
  }
  if (!map.every(isEntry)) throw new TypeError(`${helper}: a list of a map holds what is no entry`)
  return map.map(({ key, value }) => [key, value])
}

/** The entries under names that are text. Throws TypeError for a key that has none, and for two that share one. */
export function namedEntries(helper: string, map: object): Map<string, unknown> {
  const named = new Map<string, unknown>()
  for (const [key, value] of entriesOf(helper, map)) {
    const isPlain = typeof key === 'string' || typeof key === 'boolean' || Number.isFinite(key)
    if (!isPlain) throw new TypeError(`${helper}: a key is neither text nor a number nor a boolean`)
    const name = String(key)
    if (named.has(name)) throw new TypeError(`${helper}: two keys give one name`)
    named.set(name, value)
  }
  return named
}

export function mapToObject<V extends Nested>(map: V): Fields | Absent<V> {
  if (isAbsent(map)) return map as Absent<V>
  return Object.fromEntries([...namedEntries('mapToObject', map)].filter(([, value]) => value !== undefined)) as Fields
}

const read = optionReader<EntryNames>('mapToEntries', { key: ['key', isText], value: ['value', isText] })

export function mapToEntries<V extends Nested>(map: V, given?: EntryNames): Fields[] | Absent<V> {
  const names = read(given)
  if (names.key === names.value) throw new TypeError('mapToEntries: key and value have one name')
  if (isAbsent(map)) return map as Absent<V>
  return entriesOf('mapToEntries', map).map(([key, value]) => {
    const entry = value === undefined ? { [names.key]: key } : { [names.key]: key, [names.value]: value }
    return entry as Fields
  })
}
