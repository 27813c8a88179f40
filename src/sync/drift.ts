import type { DriftChange } from '../model/report.js'
import type { Column, Schema } from '../model/row.js'

/** A column that the transform reads, and the first place where it does: `file:line:column`. */
export interface ColumnRead {
  readonly column: string
  readonly at: string
}

/** What the transform depends on. `readsAll`: it takes the row as a whole, so every column counts. */
export interface Reads {
  readonly reads: readonly ColumnRead[]
  readonly readsAll: boolean
}

export const isRead = ({ reads, readsAll }: Reads, name: string): boolean =>
  readsAll || reads.some(({ column }) => column === name)

/** A change about which nothing was decided yet. */
export type Change = Omit<DriftChange, 'decision'>

/**
 * What changed between two schemas, in the order of the columns, what left before what came.
 *
 * Laws    the same schema twice gives nothing. Pure.
 */
export function compareSchemas(before: Schema, after: Schema, reads: Reads): readonly Change[] {
  const then = new Map(before.columns.map((column) => [column.name, column]))
  const now = new Map(after.columns.map((column) => [column.name, column]))
  const added = after.columns.filter((column) => !isOne(then.get(column.name), column))
  const changes: Change[] = []
  for (const column of before.columns) {
    const same = now.get(column.name)
    if (same !== undefined && isOne(same, column)) changes.push(...changed(column, same, reads))
    else changes.push({ ...gone(column, added, reads), ...(same === undefined ? {} : { after: same.type }) })
  }
  const renamedTo = new Set(
    changes.filter(({ kind }) => kind === 'renamed').flatMap(({ candidates = [] }) => candidates),
  )
  for (const { name, type } of added) {
    if (!renamedTo.has(name) && !then.has(name))
      changes.push({ kind: 'added', column: name, after: type, breaks: false })
  }
  return changes
}

/** The same column: of one name, and of one id where both have one. Another column may have taken over the name. */
function isOne(one: Column | undefined, other: Column): boolean {
  return one !== undefined && (one.id === undefined || other.id === undefined || one.id === other.id)
}

/** A column that left: renamed where an id proves it, else dropped, perhaps renamed to a new one. */
function gone(column: Column, added: readonly Column[], reads: Reads): Change {
  const breaks = isRead(reads, column.name)
  const same = column.id === undefined ? undefined : added.find(({ id }) => id === column.id)
  if (same !== undefined) return { kind: 'renamed', column: column.name, candidates: [same.name], breaks }
  return { kind: 'dropped', column: column.name, before: column.type, candidates: candidates(column, added), breaks }
}

function changed(before: Column, after: Column, reads: Reads): readonly Change[] {
  const types = { column: before.name, before: before.type, after: after.type }
  if (before.type !== after.type) {
    if (widens(before.type, after.type)) return [{ kind: 'typeWidened', ...types, breaks: false }]
    const [outer] = /^(?:struct|array|map)</.exec(before.type) ?? []
    const nested = outer !== undefined && after.type.startsWith(outer)
    return [{ kind: nested ? 'nestedChanged' : 'typeChanged', ...types, breaks: isRead(reads, before.name) }]
  }
  if (before.nullable === after.nullable) return []
  const said = ({ nullable }: Column): string => (nullable ? 'nullable' : 'not null')
  return [{ kind: 'nullability', column: before.name, before: said(before), after: said(after), breaks: false }]
}

/** New columns of the same type, the most similar name first; of any type if none has it. */
function candidates(column: Column, added: readonly Column[]): readonly string[] {
  const others = added.filter(({ name }) => name !== column.name) // one may have taken over the name
  const sameType = others.filter(({ type }) => type === column.type)
  const among = sameType.length > 0 ? sameType : others
  return among
    .map(({ name }) => ({ name, likeness: likeness(name, column.name) }))
    .sort((a, b) => b.likeness - a.likeness || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name)
}

/** Share of letter pairs that two names have in common (Dice), 0 to 1. */
export function likeness(a: string, b: string): number {
  const pairs = (text: string): string[] => Array.from({ length: text.length - 1 }, (_, i) => text.slice(i, i + 2))
  const rest = pairs(b)
  const total = Math.max(0, a.length - 1) + rest.length
  let shared = 0
  for (const pair of pairs(a)) {
    const at = rest.indexOf(pair)
    if (at >= 0) rest.splice(at, 1)
    if (at >= 0) shared += 1
  }
  return total <= 0 ? Number(a === b) : (2 * shared) / total
}

const WIDER: Readonly<Record<string, readonly string[]>> = {
  tinyint: ['smallint', 'int', 'bigint', 'double'],
  smallint: ['int', 'bigint', 'double'],
  int: ['bigint', 'double'],
  float: ['double'],
}

/** Digits that every value of an integer type fits into. */
const DIGITS: Readonly<Record<string, number>> = { tinyint: 3, smallint: 5, int: 10 }

/** Decimals that come as numbers; longer ones are text, which is another value to whoever adds to it. Source: docs/values.md. */
const NUMBER_DIGITS_MAX = 15

/**
 * Whether every value of the one type is a value of the other, as Delta's type widening has it, and comes in the same form.
 * Source: docs/drift.md.
 */
function widens(before: string, after: string): boolean {
  if (isSameButVoid(before, after) || isSameButVoid(after, before)) return true
  if (WIDER[before]?.includes(after) === true) return true
  const digits = Object.hasOwn(DIGITS, before) ? DIGITS[before] : undefined
  const from = digits === undefined ? decimalOf(before) : [digits, 0]
  const to = decimalOf(after)
  if (from === undefined || to === undefined) return false
  const [p1 = 0, s1 = 0, p2 = 0, s2 = 0] = [...from, ...to]
  const sameKind = p1 <= NUMBER_DIGITS_MAX === p2 <= NUMBER_DIGITS_MAX
  return sameKind && p2 - s2 >= p1 - s1 && s2 >= s1
}

/** Precision and scale. */
const decimalOf = (type: string): readonly number[] | undefined =>
  /^decimal\((\d+),(\d+)\)$/.exec(type)?.slice(1).map(Number)

/** Plain rows show `void` where every value was null: nothing is known of the type then, and nothing was lost. */
function isSameButVoid(type: string, other: string): boolean {
  if (!/\bvoid\b/.test(type)) return false
  const parts = type.split(/\bvoid\b/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.+')}$`, 's').test(other)
}
