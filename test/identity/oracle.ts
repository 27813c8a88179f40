import { createHash } from 'node:crypto'

/**
 * Who is who, said plainly and slowly, over the whole evidence at once: the text of the semantics in docs/identity.md
 * turned into loops. Shares no code with src/identity.
 */
export interface PlainRecord {
  /** `book` where left out. */
  readonly source?: string
  readonly key: string
  /** Minutes; null: unknown. */
  readonly at: number | null
  readonly ids: readonly (readonly [namespace: string, value: string])[]
  /** Every distinct set of identifiers that a key showed is a record of its own, from its first time to its last. */
  readonly keep?: 'history'
}
export interface PlainRules {
  readonly ranks: Readonly<Record<string, number>>
  readonly limits: Readonly<Record<string, number>>
  readonly anchors: readonly string[]
  readonly hubs: Readonly<Record<string, number>>
  readonly total: number
  readonly prefer: 'most-recent' | 'earliest'
  /** Minutes after which an identifier of a namespace joins nobody, counted from its record. */
  readonly activeFor?: Readonly<Record<string, number>>
  /** Minutes. */
  readonly asOf?: number
  /** Earlier is better. */
  readonly sources?: readonly string[]
}
export interface PlainAnswer {
  /** Identifier text to profile id, or null where quarantined. */
  readonly homes: Readonly<Record<string, string | null>>
  /** Profile id to its members that are not retired, best first. */
  readonly profiles: Readonly<Record<string, readonly string[]>>
  /** Profile id to the minutes at which its emails were first shown, best email first. */
  readonly since: Readonly<Record<string, readonly (number | null)[]>>
  readonly conflicts: readonly string[]
}

const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
const text = (namespace: string, value: string): string => `${namespace}=${value}`
const namespaceOf = (id: string): string => id.slice(0, id.indexOf('='))
const valueIn = (id: string): string => id.slice(id.indexOf('=') + 1)
const time = (at: number | null): number => (at === null ? Number.NEGATIVE_INFINITY : at)
const firstNonZero = (...orders: number[]): number => orders.find((order) => order !== 0 && !Number.isNaN(order)) ?? 0
const ascending = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1)

/** What was said by hand, in identifier texts: pairs that are one person, and what joins nobody. */
export interface PlainWords {
  readonly merges?: readonly (readonly [string, string])[]
  readonly blocks?: readonly string[]
}

/** @param denials  pairs of identifier texts that are two people */
export function oracle(
  records: readonly PlainRecord[],
  rules: PlainRules,
  denials: readonly (readonly [string, string])[] = [],
  { merges = [], blocks = [] }: PlainWords = {},
): PlainAnswer {
  const strength = (a: string, b: string): number =>
    firstNonZero(
      ascending(rules.ranks[namespaceOf(a)] as number, rules.ranks[namespaceOf(b)] as number),
      bytes(namespaceOf(a), namespaceOf(b)),
      bytes(valueIn(a), valueIn(b)),
    )
  const shown = records
    .map(({ source = 'book', key, at, ids, keep }, index) => ({
      key,
      source,
      first: time(at),
      last: time(at),
      all: [...new Set(ids.map(([namespace, value]) => text(namespace, value)))].sort(strength),
      nth: keep === 'history' ? -1 : index,
    }))
    .filter((record, index, all) => {
      const same = (other: typeof record): boolean =>
        record.nth === -1 && other.nth === -1 && other.key === record.key && `${other.all}` === `${record.all}`
      for (const other of all.filter(same)) {
        record.first = Math.min(record.first, other.first)
        record.last = Math.max(record.last, other.last)
      }
      return all.findIndex(same) === (record.nth === -1 ? index : -1)
    })
    .map(({ all, ...record }) => {
      const dueAt = (id: string) => record.last + (rules.activeFor?.[namespaceOf(id)] ?? Number.POSITIVE_INFINITY)
      const isKnown = record.last !== Number.NEGATIVE_INFINITY
      return { ...record, ids: all.filter((id) => !(isKnown && dueAt(id) < (rules.asOf ?? record.last))) }
    })

  // Step 2: values with too many owners, counted per namespace of the owner.
  const quarantined = new Set<string>(blocks)
  for (const id of new Set(shown.flatMap((record) => record.ids))) {
    const owners = shown
      .filter((record) => record.ids.includes(id))
      .map((record) => (record.ids[0] === id ? `=${record.key}` : (record.ids[0] as string)))
    for (const kind of new Set(owners.map(namespaceOf))) {
      const many = new Set(owners.filter((owner) => namespaceOf(owner) === kind)).size
      if (many > (rules.hubs[namespaceOf(id)] ?? Number.POSITIVE_INFINITY)) quarantined.add(id)
    }
  }
  const usable = shown
    .map((record) => ({ ...record, ids: record.ids.filter((id) => !quarantined.has(id)) }))
    .filter((record) => record.ids.length > 0)

  // Step 3: a star in every record.
  const merged = merges.map((pair) => pair.filter((id) => !quarantined.has(id)).sort(strength))
  const everybody = [...new Set([...usable.map((record) => record.ids), ...merged].flat())]
  const holders = (...ids: string[]) => usable.filter((record) => ids.every((id) => record.ids.includes(id)))
  const links = new Map<string, { a: string; b: string; first: number; last: number; keys: string[]; said?: true }>()
  for (const [a, b] of merged) {
    if (a === undefined || b === undefined) continue
    links.set(`${a} ${b}`, { a, b, first: Infinity, last: -Infinity, keys: ['merge'], said: true })
  }
  for (const record of usable) {
    const [a, ...others] = record.ids as [string, ...string[]]
    for (const b of others) {
      const link = links.get(`${a} ${b}`) ?? { a, b, first: record.first, last: record.last, keys: [] }
      links.set(`${a} ${b}`, link)
      link.first = Math.min(link.first, record.first)
      link.last = Math.max(link.last, record.last)
      link.keys.push(record.key)
    }
  }

  // Step 4: spread the least name until nothing moves.
  const label = new Map(everybody.map((id) => [id, id]))
  for (let moved = true; moved; ) {
    moved = false
    for (const { a, b } of links.values()) {
      const least = [label.get(a) as string, label.get(b) as string].sort()[0] as string
      for (const id of [a, b]) {
        if (label.get(id) !== least) {
          label.set(id, least)
          moved = true
        }
      }
    }
  }

  const isAnchor = (id: string): boolean => rules.anchors.includes(namespaceOf(id))
  const breaks = (ids: readonly string[]): [rule: string, limit: number, wouldBe: number] | undefined => {
    for (const namespace of Object.keys(rules.ranks).sort((a, b) => strength(text(a, ''), text(b, '')))) {
      const many = ids.filter((id) => namespaceOf(id) === namespace).length
      const limit = rules.limits[namespace] as number
      if (many > limit) return [namespace, limit, many]
    }
    if (ids.length > rules.total) return ['total', rules.total, ids.length]
    return denials.some((pair) => pair.every((id) => ids.includes(id))) ? ['denied', 0, 1] : undefined
  }
  const profileOf = (members: readonly string[]): string => {
    const founder = [...members].sort((a, b) =>
      firstNonZero(
        ascending(Math.min(...holders(a).map((r) => r.first)), Math.min(...holders(b).map((r) => r.first))),
        strength(a, b),
      ),
    )[0] as string
    const digest = createHash('sha256').update(['', namespaceOf(founder), valueIn(founder)].join('\u0001'))
    return `p_${digest.digest('hex').slice(0, 32)}`
  }

  const homes: Record<string, string | null> = {}
  const profiles: Record<string, readonly string[]> = {}
  const since: Record<string, readonly (number | null)[]> = {}
  const conflicts: string[] = []
  for (const id of quarantined) homes[id] = null
  for (const name of new Set(label.values())) {
    const cluster = everybody.filter((id) => label.get(id) === name)
    let parts = [{ members: cluster, retired: [] as string[] }]
    const refused: { a: string; b: string; keys: string[]; rule: [string, number, number] }[] = []
    if (breaks(cluster) !== undefined) {
      // Step 6.
      let groups = cluster.map((id) => [id])
      const groupOf = (id: string): string[] => groups.find((group) => group.includes(id)) as string[]
      const replay = [...links.values()]
        .filter(({ a }) => cluster.includes(a))
        .sort((x, y) =>
          firstNonZero(
            ascending(x.said ? 0 : 1, y.said ? 0 : 1),
            ascending(rules.ranks[namespaceOf(x.b)] as number, rules.ranks[namespaceOf(y.b)] as number),
            rules.prefer === 'most-recent' ? ascending(y.last, x.last) : ascending(x.first, y.first),
            ascending(rules.ranks[namespaceOf(x.a)] as number, rules.ranks[namespaceOf(y.a)] as number),
            ascending(y.keys.length, x.keys.length),
            strength(x.a, y.a),
            strength(x.b, y.b),
          ),
        )
      for (const { a, b, keys } of replay) {
        if (groupOf(a) === groupOf(b)) continue
        const union = [...groupOf(a), ...groupOf(b)]
        const rule = breaks(union)
        if (rule === undefined) groups = [...groups.filter((group) => !group.includes(a) && !group.includes(b)), union]
        else refused.push({ a, b, keys, rule })
      }
      // Step 7.
      const retired = new Map<string[], string[]>()
      for (const group of groups.filter((ids) => !ids.some(isAnchor))) {
        const against = refused
          .filter(({ a, b }) => group.includes(a) !== group.includes(b))
          .map(({ a, b, rule }) => ({
            rule: rule[0],
            own: group.includes(a) ? a : b,
            other: group.includes(a) ? b : a,
          }))
        const home = against[0] && groupOf(against[0].other)
        if (
          home?.some(isAnchor) &&
          against.every(({ other }) => groupOf(other) === home && isAnchor(other)) &&
          against.every(({ rule }) => rule !== 'denied') &&
          !denials.some((pair) => pair.every((id) => [...group, ...home].includes(id))) &&
          against.every(({ rule, own }) =>
            group.every((id) => namespaceOf(id) === (rule === 'total' ? namespaceOf(own) : rule)),
          )
        ) {
          retired.set(group, home)
        }
      }
      parts = groups
        .filter((group) => !retired.has(group))
        .map((members) => ({
          members,
          retired: [...retired].filter(([, home]) => home === members).flatMap(([group]) => group),
        }))
    }
    const names = parts.map((part) => profileOf(part.members))
    for (const [index, part] of parts.entries()) {
      for (const id of [...part.members, ...part.retired]) homes[id] = names[index] as string
    }
    for (const [index, part] of parts.entries()) {
      const profileId = names[index] as string
      const own = (id: string) => {
        const his = holders(id).filter((r) => homes[r.ids[0] as string] === profileId)
        return his.length > 0 ? his : holders(id)
      }
      const place = (id: string): number =>
        Math.min(...own(id).map(({ source }) => [...(rules.sources ?? []), source].indexOf(source)))
      const last = (id: string): number => Math.max(...holders(id).map((r) => r.last))
      profiles[profileId] = [...part.members].sort((a, b) =>
        firstNonZero(
          strength(text(namespaceOf(a), ''), text(namespaceOf(b), '')),
          ascending(place(a), place(b)),
          ascending(last(b), last(a)),
          ascending(holders(b).length, holders(a).length),
          strength(a, b),
        ),
      )
      const emails = profiles[profileId].filter((id) => namespaceOf(id) === 'email')
      since[profileId] = emails.map((id) => {
        const times = own(id).flatMap((r) => (r.first === Number.NEGATIVE_INFINITY ? [] : [r.first]))
        return times.length > 0 ? Math.min(...times) : null
      })
    }
    // Step 8.
    for (const { a, b, keys, rule } of refused) {
      if (homes[a] === homes[b]) continue
      conflicts.push([a, b, ...rule, `winner ${homes[b]}`, `loser ${homes[a]}`, ...keys.sort(bytes)].join(' '))
    }
  }
  return { homes, profiles, since, conflicts: conflicts.sort(bytes) }
}
