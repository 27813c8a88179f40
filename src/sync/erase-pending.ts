import { randomUUID } from 'node:crypto'
import type { Json } from '../model/value.js'
import type { Key, Op, Store } from '../stores/store.js'
import { QUEUE } from './erase-forget.js'
import type { Handles } from './erase-person.js'

/**
 * What has yet to be erased, in table `erasing`, written down before the first of it is:
 *
 *     project, id, 'who', n          -> Handles: some of them
 *     project, id, 'graph', name     -> true: the graph of identity has yet to forget them
 *     project, id, 'sync', name      -> true: what this sync keeps of them has yet to go
 *     project, '#forget', ...        see erase-forget.ts
 *
 * A mark goes when its part is done, and with the last one the rest.
 */
export interface Pending {
  readonly id: string
  readonly handles: Handles
  readonly graphs: readonly string[]
  readonly syncs: readonly string[]
}

type Part = 'graph' | 'sync'

const PAGE = 1_000
/** Handles in one entry. */
const HANDLES_MAX = 1_000

/** The ops that write down that all of it has yet to be done. */
export function intentOps(
  project: string,
  { handles, graph, syncs }: { readonly handles: Handles; readonly graph: string; readonly syncs: readonly string[] },
): readonly Op[] {
  const id = randomUUID()
  const put = (key: Key, value: Json): Op => ({ op: 'put', table: 'erasing', key: [project, id, ...key], value })
  return [
    ...chunksOf(handles).map((some, n) => put(['who', String(n).padStart(6, '0')], some as unknown as Json)),
    put(['graph', graph], true),
    ...syncs.map((sync) => put(['sync', sync], true)),
  ]
}

function chunksOf({ identifiers, spellings, profileIds, records }: Handles): readonly Partial<Handles>[] {
  const cut = <One>(list: readonly One[]): readonly (readonly One[])[] =>
    Array.from({ length: Math.ceil(list.length / HANDLES_MAX) }, (_, n) =>
      list.slice(n * HANDLES_MAX, (n + 1) * HANDLES_MAX),
    )
  return [
    ...cut(identifiers).map((some) => ({ identifiers: some })),
    ...cut(spellings).map((some) => ({ spellings: some })),
    ...cut(profileIds).map((some) => ({ profileIds: some })),
    ...cut(records).map((some) => ({ records: some })),
  ]
}

/** All that is pending in a project. Cost    one read where nothing is. */
export async function pendingErasures(store: Store, project: string): Promise<readonly Pending[]> {
  const found = new Map<string, { handles: Handles; graphs: string[]; syncs: string[] }>()
  for (let after: Key = [project, `${QUEUE}!`]; ; ) {
    const page = await store.scan('erasing', { prefix: [project], after, limit: PAGE })
    for (const { key, value } of page) {
      const [, id = '', part, name = ''] = key
      const one = found.get(id) ?? { handles: NOTHING, graphs: [], syncs: [] }
      found.set(id, one)
      if (part === 'graph') one.graphs.push(name)
      else if (part === 'sync') one.syncs.push(name)
      else one.handles = together([one.handles, { ...NOTHING, ...(value as Partial<Handles>) }])
    }
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) break
    after = last.key
  }
  return [...found].map(([id, one]) => ({ id, ...one }))
}

const NOTHING: Handles = { identifiers: [], spellings: [], profileIds: [], records: [] }

/** All handles, each once. */
export function together(all: readonly Handles[]): Handles {
  const once = <One extends string | object>(lists: readonly (readonly One[])[]): readonly One[] => [
    ...new Map(lists.flat().map((one) => [JSON.stringify(one), one] as const)).values(),
  ]
  return {
    identifiers: once(all.map(({ identifiers }) => identifiers)),
    spellings: once(all.map(({ spellings }) => spellings)),
    profileIds: once(all.map(({ profileIds }) => profileIds)),
    records: once(all.map(({ records }) => records)),
  }
}

/** Ops that tell that a part of these erasures is done. */
export const doneOps = (project: string, pending: readonly Pending[], part: Part, name: string): readonly Op[] =>
  pending.map(({ id }): Op => ({ op: 'delete', table: 'erasing', key: [project, id, part, name] }))

/** Forgets erasures of which nothing is pending any more; what another process has yet to do keeps the handles. */
export async function dropDone(store: Store, project: string, commit: (ops: readonly Op[]) => Promise<void>) {
  for (const { id, graphs, syncs } of await pendingErasures(store, project)) {
    if (graphs.length > 0 || syncs.length > 0) continue
    for (;;) {
      const page = await store.scan('erasing', { prefix: [project, id, 'who'], limit: PAGE })
      if (page.length === 0) break
      await commit(page.map(({ key }): Op => ({ op: 'delete', table: 'erasing', key })))
    }
  }
}
