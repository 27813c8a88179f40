import { compareBytes } from '../model/byte-order.js'
import { type RecordRef, sourcePart } from './evidence.js'
import { compareNumbers } from './order.js'
import { idOf, type Namespace, type Rules } from './rules.js'

/** A record as clustering sees it: what of it may join somebody, strongest first. Unknown time is the oldest. */
export interface LinkingRecord {
  readonly ref: RecordRef
  readonly at: number
  /** When it was first seen, of a record that was seen again later; else at `at`. */
  readonly first?: number | undefined
  readonly ids: readonly (readonly [namespace: string, value: string, ...raws: string[]])[]
  /** Said by a human: its link goes before all others, and it is no sight of its identifiers. */
  readonly byHand?: true | undefined
}

/** One identifier among the evidence at hand. */
export interface Vertex {
  readonly id: string
  readonly namespace: Namespace
  readonly value: string
  first: number
  last: number
  records: number
  /** Of the records that show it for its person: the earliest time, Infinity where none has one. */
  since: number
  /** And the best place of their sources in `sourcePriority`. */
  place: number
}

/** Two identifiers that records showed together: `a` is the stronger. */
export interface Link {
  readonly a: Vertex
  readonly b: Vertex
  first: number
  last: number
  /** As in {@link Vertex}, of the records of this link. */
  since: number
  place: number
  readonly refs: RecordRef[]
  /** A human said so. Its times are those of records, and infinite where there are none. */
  byHand: boolean
}

/** Order   strongest first: (priority, namespace, value), by bytes. */
export const compareVertices = (a: Vertex, b: Vertex): number =>
  a.namespace.order - b.namespace.order || compareBytes(a.value, b.value)

/** The identifiers of some records and their connected components (A.2 steps 3 and 4). */
export class Graph {
  readonly vertices = new Map<string, Vertex>()
  readonly records: readonly LinkingRecord[]
  readonly #parents = new Map<Vertex, Vertex>()
  readonly #rules: Rules
  readonly #places: ReadonlyMap<string, number>

  constructor(rules: Rules, records: readonly LinkingRecord[]) {
    this.#rules = rules
    this.records = records
    this.#places = new Map(rules.sourcePriority.map((source, place) => [sourcePart(source), place]))
    for (const record of records) {
      let strongest: Vertex | undefined
      for (const [namespace, value] of record.ids) {
        const vertex = this.#seen(namespace, value, record)
        if (strongest === undefined) strongest = vertex
        else this.#join(strongest, vertex)
      }
    }
  }

  /** Identifiers by component; a lonely one is a component. */
  components(): readonly (readonly Vertex[])[] {
    const groups = new Map<Vertex, Vertex[]>()
    for (const vertex of this.vertices.values()) {
      const root = this.#root(vertex)
      const group = groups.get(root)
      if (group === undefined) groups.set(root, [vertex])
      else group.push(vertex)
    }
    return [...groups.values()]
  }

  /** The links of the components that hold one of `members`, by component, each a star around the record's strongest. */
  links(members: Iterable<Vertex>): ReadonlyMap<Vertex, readonly Link[]> {
    const wanted = new Map([...members].map((member) => [this.#root(member), new Map<string, Link>()] as const))
    for (const record of this.records) {
      const [a, ...others] = record.ids.map(([namespace, value]) => this.vertices.get(idOf(namespace, value)) as Vertex)
      const links = a === undefined ? undefined : wanted.get(this.#root(a))
      if (a === undefined || links === undefined) continue
      for (const b of others) addTo(links, { a, b, place: this.#placeOf(record) }, record)
    }
    return new Map([...wanted].map(([root, links]) => [root, [...links.values()]]))
  }

  /** Names the component of a vertex, for {@link links}. */
  rootOf(vertex: Vertex): Vertex {
    return this.#root(vertex)
  }

  /**
   * Counts, of what stands in contested components, the records of each person alone: a record is its strongest
   * identifier's. What no record shows for its person keeps all of its records.
   */
  shareOut(homes: ReadonlyMap<Vertex, unknown>): void {
    const shown = new Map<Vertex, { since: number; place: number }>()
    for (const record of this.records) {
      if (record.byHand) continue
      const vertices = record.ids.map(([namespace, value]) => this.vertices.get(idOf(namespace, value)) as Vertex)
      const home = vertices[0] && homes.get(vertices[0])
      if (home === undefined) continue
      for (const vertex of vertices) {
        if (homes.get(vertex) !== home) continue
        const { since, place } = shown.get(vertex) ?? NOT_SHOWN
        shown.set(vertex, {
          since: earlier(since, record.first ?? record.at),
          place: Math.min(place, this.#placeOf(record)),
        })
      }
    }
    for (const [vertex, facts] of shown) Object.assign(vertex, facts)
  }

  #placeOf({ ref: [source] }: LinkingRecord): number {
    return this.#places.get(source) ?? this.#places.size
  }

  #seen(name: string, value: string, record: LinkingRecord): Vertex {
    const { at, first = at, byHand } = record
    const id = idOf(name, value)
    let vertex = this.vertices.get(id)
    if (vertex === undefined) {
      const namespace = this.#rules.namespaces.get(name) as Namespace
      vertex = { id, namespace, value, ...NEVER, since: Number.POSITIVE_INFINITY, place: this.#places.size, records: 0 }
      this.vertices.set(id, vertex)
    }
    if (byHand) return vertex
    vertex.records += 1
    vertex.first = Math.min(vertex.first, first)
    vertex.last = Math.max(vertex.last, at)
    vertex.since = earlier(vertex.since, first)
    vertex.place = Math.min(vertex.place, this.#placeOf(record))
    return vertex
  }

  #root(vertex: Vertex): Vertex {
    let at = vertex
    for (;;) {
      const up = this.#parents.get(at)
      if (up === undefined) return at
      const grand = this.#parents.get(up)
      if (grand !== undefined) this.#parents.set(at, grand)
      at = up
    }
  }

  #join(a: Vertex, b: Vertex): void {
    const [left, right] = [this.#root(a), this.#root(b)]
    if (left !== right) this.#parents.set(right, left)
  }
}

const NOT_SHOWN = { since: Number.POSITIVE_INFINITY, place: Number.POSITIVE_INFINITY }

/** The times of what no record has shown: a founder only where nobody else is. */
const NEVER = { first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY } as const

/** The earlier of two times, of which the second may be unknown. */
const earlier = (since: number, at: number): number => (at === Number.NEGATIVE_INFINITY ? since : Math.min(since, at))

function addTo(links: Map<string, Link>, ends: Pick<Link, 'a' | 'b' | 'place'>, record: LinkingRecord): void {
  const { ref, at, first = at, byHand } = record
  const id = `${ends.a.id}\u0001${ends.b.id}`
  const link = links.get(id) ?? { ...ends, ...NEVER, ...NOT_SHOWN, refs: [], byHand: false }
  links.set(id, link)
  link.refs.push(ref)
  if (byHand) {
    link.byHand = true
    return
  }
  link.first = Math.min(link.first, first)
  link.last = Math.max(link.last, at)
  link.since = earlier(link.since, first)
  link.place = Math.min(link.place, ends.place)
}

/**
 * The total order in which contested links are replayed, made of content alone: what a human said first, then links of
 * strong identifiers, then by time as preferred, then more records, then the bytes of both ends.
 */
export function compareLinks(preference: Rules['linkPreference']): (a: Link, b: Link) => number {
  const byTime = (x: Link, y: Link): number =>
    preference === 'most-recent' ? compareNumbers(y.last, x.last) : compareNumbers(x.first, y.first)
  return (x, y) =>
    Number(y.byHand) - Number(x.byHand) ||
    x.b.namespace.priority - y.b.namespace.priority ||
    byTime(x, y) ||
    x.a.namespace.priority - y.a.namespace.priority ||
    y.refs.length - x.refs.length ||
    compareVertices(x.a, y.a) ||
    compareVertices(x.b, y.b)
}
