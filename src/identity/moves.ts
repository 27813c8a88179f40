import type { Key, Op } from '../stores/store.js'
import { type RecordRef, type StoredRecord, wordOf } from './evidence.js'
import { homeIn } from './holders.js'
import { inParallel, refText } from './neighbourhood.js'
import { commitTo, type Making } from './rebuild.js'
import type { Rows } from './rows.js'
import { idOf, partsOf } from './rules.js'

/** Identifiers of one profile that are in profiles of another id on the other side. */
export interface Group {
  readonly id: string
  /** How many other profiles. */
  readonly others: number
  /** The one with most of the identifiers; among equals the least id. */
  readonly best: string
}

/** Ops take two rows for each identifier that moves. */
const PAGE = 1_000
/** Holders that are asked how an identifier was written. */
const HOLDERS_MAX = 10

/**
 * Notes in the store, which sorts them, how many identifiers left which profile for which: from old to new, and from new
 * to old. Profiles that keep their id are not noted: that a profile is in both says that its founding identifier stayed.
 *
 * Cost    two rows for each pair of profiles with an identifier in common and other ids.
 */
export async function noteMoves(making: Making): Promise<void> {
  const { from, to } = making
  for await (const page of from.pages('identifier', PAGE)) {
    const former = new Map<string, string>()
    for (const { key, value } of page) {
      const home = homeIn(value)
      if (home) former.set(idOf(key[1] as string, key[2] as string), home)
    }
    const homes = await homesAnew(making, [...former.keys()])
    const pairs = new Map<string, { before: string; after: string; count: number }>()
    for (const [id, before] of former) {
      const after = homes.get(id)
      if (typeof after !== 'string' || after === before) continue
      const known = pairs.get(before + after) ?? { before, after, count: 0 }
      pairs.set(before + after, { ...known, count: known.count + 1 })
    }
    const list = [...pairs.values()]
    const stood = await to.store.get(
      'identityMove',
      list.map(({ before, after }) => [to.graph, 'from', before, after]),
    )
    const ops = list.flatMap(({ before, after, count }, index): readonly Op[] => [
      put([to.graph, 'from', before, after], count + ((stood[index] as number | undefined) ?? 0)),
      put([to.graph, 'to', after, before], 0),
    ])
    await commitTo(making, ops)
  }
}

const put = (key: Key, value: number): Op => ({ op: 'put', table: 'identityMove', key, value })

/** What was noted, by the profile that is left (`from`) or joined (`to`). Order   by profile id. */
export async function* groupsOf(rows: Rows, way: 'from' | 'to'): AsyncGenerator<Group> {
  let group: { id: string; others: number; best: string; most: number } | undefined
  for await (const page of rows.pages('identityMove', PAGE, [way])) {
    for (const { key, value } of page) {
      const [, , id, other] = key as readonly [string, string, string, string]
      const count = value as number
      if (group?.id !== id) {
        if (group !== undefined) yield group
        group = { id, others: 1, best: other, most: count }
        continue
      }
      group.others += 1
      if (count > group.most) Object.assign(group, { best: other, most: count })
    }
  }
  if (group !== undefined) yield group
}

/** Removes what was noted. It commits at least once, so that what was compared was not removed by others meanwhile. */
export async function forgetMoves(making: Making): Promise<void> {
  for (;;) {
    const entries = await making.to.store.scan('identityMove', { prefix: [making.to.graph], limit: PAGE })
    await commitTo(
      making,
      entries.map(({ key }) => ({ op: 'delete', table: 'identityMove', key })),
    )
    if (entries.length < PAGE) return
  }
}

/**
 * Where identifiers of the old side are on the new one: by their value read anew; where that leads nowhere, and the rules
 * write such values in another way, by the raw text of a record that showed them.
 */
export async function homesAnew(making: Making, ids: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
  const { rules, to } = making
  const now = new Map<string, string>()
  const unread: string[] = []
  for (const id of ids) {
    const [namespace, value] = partsOf(id)
    const reading = rules.read(namespace, value)
    if ('value' in reading) now.set(id, idOf(namespace, reading.value))
    else if (reading.problem === 'invalid') unread.push(id)
  }
  const homes = await to.homes([...new Set(now.values())])
  for (const [id, next] of now) if (!homes.has(next)) unread.push(id)
  const shown = new Map<string, readonly string[]>()
  await inParallel(unread, async (id) => {
    shown.set(id, await readingsOf(making, id))
  })
  for (const [id, home] of await to.homes([...new Set([...shown.values()].flat())])) homes.set(id, home)
  const found = new Map<string, string | null>()
  for (const id of ids) {
    const candidates = [now.get(id), ...(shown.get(id) ?? [])]
    const next = candidates.find((candidate) => candidate !== undefined && homes.has(candidate))
    if (next !== undefined) found.set(id, homes.get(next) as string | null)
  }
  return found
}

/** How records wrote an identifier, read anew. */
async function readingsOf({ rules, from }: Making, id: string): Promise<readonly string[]> {
  const refs: RecordRef[] = []
  for await (const page of from.holders(id)) {
    refs.push(...page.slice(0, HOLDERS_MAX).flatMap(({ ref }) => (wordOf(ref) === undefined ? [ref] : [])))
    break
  }
  const records: Iterable<StoredRecord> = (await from.records(new Map(refs.map((ref) => [refText(ref), ref])))).values()
  const readings = new Set<string>()
  for (const record of records) {
    for (const [namespace, value, ...raws] of record.ids) {
      if (idOf(namespace, value) !== id) continue
      for (const raw of raws) {
        const reading = rules.read(namespace, raw)
        if ('value' in reading) readings.add(idOf(namespace, reading.value))
      }
    }
  }
  return [...readings]
}
