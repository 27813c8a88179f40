/** Fields of users that a project may have. Source: Iterable help 26678893969812. */
export const USER_FIELDS_MAX = 1_000

/** Names that a person may have meant to be one field. */
export interface Likeness {
  readonly field: string
  /** `case`: alike but for case and the marks between words. `near`: a letter or two apart. */
  readonly how: 'case' | 'near'
  readonly like: string
}

/** The fields of a project's users, as they are for ever: Iterable changes no type and deletes none. */
export interface IterableContract {
  /** Dotted path to type, in the order of the names. */
  readonly fields: Readonly<Record<string, string>>
  /** The same of events, by their names: what is pinned, and what was learned (`long or double`). */
  readonly events: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** How many there may still be; nested ones count. */
  readonly left: number
  /** Fields of the project that look like one another: one of each pair is probably a mistake. */
  readonly alike: readonly Likeness[]
}

/** Pure. */
export function contractOf(
  types: ReadonlyMap<string, string>,
  events: IterableContract['events'] = {},
): IterableContract {
  const names = [...types.keys()].sort()
  return {
    fields: Object.fromEntries(names.map((name) => [name, types.get(name) ?? ''])),
    events,
    left: Math.max(0, USER_FIELDS_MAX - names.length),
    alike: names.flatMap((name, at) => likeOf(name, names.slice(0, at))),
  }
}

/** One field that is not what it was when a contract was kept. */
export interface ContractChange {
  /** Of an event; `undefined`: of users. */
  readonly event?: string
  readonly field: string
  /** Its type then; `undefined`: there was no such field. */
  readonly before: string | undefined
  readonly now: string | undefined
}

/**
 * What differs between a contract that was kept and the one of today, by name: for a test in CI that reads the file and
 * asks the project. Empty where nothing does. Pure.
 */
export function contractChanges(
  kept: Pick<IterableContract, 'fields' | 'events'>,
  today: Pick<IterableContract, 'fields' | 'events'>,
): readonly ContractChange[] {
  const events = [...new Set([...Object.keys(kept.events), ...Object.keys(today.events)])].sort()
  return [
    ...changesOf(kept.fields, today.fields),
    ...events.flatMap((event) =>
      changesOf(ownOf(kept.events, event) ?? {}, ownOf(today.events, event) ?? {}).map((change) => ({
        event,
        ...change,
      })),
    ),
  ]
}

function changesOf(kept: Readonly<Record<string, string>>, today: typeof kept): readonly ContractChange[] {
  const fields = [...new Set([...Object.keys(kept), ...Object.keys(today)])].sort()
  return fields
    .map((field) => ({ field, before: ownOf(kept, field), now: ownOf(today, field) }))
    .filter(({ before, now }) => before !== now)
}

const ownOf = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

/**
 * Which of the names a new one looks like: the first that differs in case or marks alone, else the first that is near.
 *
 * Cost  one pass over the names: for the few that are new.
 */
export function likeOf(field: string, among: Iterable<string>): readonly Likeness[] {
  const plain = plainOf(field)
  let near: string | undefined
  for (const like of among) {
    if (like === field || parentOf(like) !== parentOf(field)) continue
    if (plainOf(like) === plain) return [{ field, how: 'case', like }]
    if (near === undefined && isNear(plain, plainOf(like))) near = like
  }
  return near === undefined ? [] : [{ field, how: 'near', like: near }]
}

/** Field names of one length class that a typing error may have made two of. Shorter ones are different words. */
const NEAR_LENGTH_MIN = 6

function isNear(one: string, other: string): boolean {
  if (Math.min(one.length, other.length) < NEAR_LENGTH_MIN || Math.abs(one.length - other.length) > 1) return false
  // A number at the end tells fields apart on purpose: score_1, score_2.
  if (one.replace(/\d+$/, '') === other.replace(/\d+$/, '')) return false
  return edits(one, other) <= 1
}

/** Letters to add, take away, change, or swap with the next one: 0, 1, or 2 for more. */
function edits(one: string, other: string): number {
  if (one === other) return 0
  let from = 0
  while (one[from] === other[from]) from += 1
  const [a, b] = [one.slice(from), other.slice(from)]
  const isOne =
    a.slice(1) === b ||
    a === b.slice(1) ||
    a.slice(1) === b.slice(1) ||
    (a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2))
  return isOne ? 1 : 2
}

const plainOf = (field: string): string => field.toLowerCase().replace(/[\s_-]/g, '')
const parentOf = (field: string): string => field.slice(0, Math.max(0, field.lastIndexOf('.')))
