import { compareBytes } from '../model/byte-order.js'
import type { RecordRef } from './evidence.js'
import { compareNumbers } from './order.js'
import { idOf, type Namespace, type Rules } from './rules.js'

/** A record as clustering sees it: what of it may join somebody, strongest first. Unknown time is the oldest. */
export interface LinkingRecord {
  readonly ref: RecordRef
  readonly at: number
  /** When it was first seen, of a record that was seen again later; else at `at`. */
  readonly first?: number | undefined
  readonly ids: readonly (readonly [namespace: string, value: string, raw?: string])[]
}

/** One identifier among the evidence at hand. */
export interface Vertex {
  readonly id: string
  readonly namespace: Namespace
  readonly value: string
  first: number
  last: number
  records: number
}

/** Two identifiers that records showed together: `a` is the stronger. */
export interface Link {
  readonly a: Vertex
  readonly b: Vertex
  first: number
  last: number
  readonly refs: RecordRef[]
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

  constructor(rules: Rules, records: readonly LinkingRecord[]) {
    this.#rules = rules
    this.records = records
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
      for (const b of others) addTo(links, a, b, record)
    }
    return new Map([...wanted].map(([root, links]) => [root, [...links.values()]]))
  }

  /** Names the component of a vertex, for {@link links}. */
  rootOf(vertex: Vertex): Vertex {
    return this.#root(vertex)
  }

  #seen(name: string, value: string, { at, first = at }: LinkingRecord): Vertex {
    const id = idOf(name, value)
    const known = this.vertices.get(id)
    if (known !== undefined) {
      known.records += 1
      known.first = Math.min(known.first, first)
      known.last = Math.max(known.last, at)
      return known
    }
    const namespace = this.#rules.namespaces.get(name) as Namespace
    const vertex = { id, namespace, value, first, last: at, records: 1 }
    this.vertices.set(id, vertex)
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

function addTo(links: Map<string, Link>, a: Vertex, b: Vertex, { ref, at, first = at }: LinkingRecord): void {
  const id = `${a.id}\u0001${b.id}`
  const link = links.get(id)
  if (link === undefined) links.set(id, { a, b, first, last: at, refs: [ref] })
  else {
    link.first = Math.min(link.first, first)
    link.last = Math.max(link.last, at)
    link.refs.push(ref)
  }
}

/**
 * The total order in which contested links are replayed, made of content alone: links of strong identifiers first, then
 * by time as preferred, then more records, then the bytes of both ends.
 */
export function compareLinks(preference: Rules['linkPreference']): (a: Link, b: Link) => number {
  const byTime = (x: Link, y: Link): number =>
    preference === 'most-recent' ? compareNumbers(y.last, x.last) : compareNumbers(x.first, y.first)
  return (x, y) =>
    x.b.namespace.priority - y.b.namespace.priority ||
    byTime(x, y) ||
    x.a.namespace.priority - y.a.namespace.priority ||
    y.refs.length - x.refs.length ||
    compareVertices(x.a, y.a) ||
    compareVertices(x.b, y.b)
}
