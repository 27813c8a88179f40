import type { Json } from '../model/value.js'
import type { Entry, Key, Op } from '../stores/store.js'
import { follow } from './changes.js'
import type { RecordRef, StoredRecord } from './evidence.js'
import { historyOf } from './history.js'
import { refText } from './neighbourhood.js'
import { type BindingRow, type HistoryRow, isRedirect, type ProfileRow, type RedirectRow, type Rows } from './rows.js'
import { idOf, partsOf, type Rules } from './rules.js'
import { isUnindexed, unindexedIn } from './tombstones.js'

/** Rows that are read together, and changed in one commit. */
export const PAGE = 1_000

/** What is still to be erased. */
export interface Pending {
  readonly ids: ReadonlySet<string>
  /** Profile id to the projects whose binding of it is to go. */
  readonly profiles: ReadonlyMap<string, readonly string[]>
  readonly projects: readonly string[]
  /** The rows that say so. */
  readonly keys: readonly Key[]
}

export async function pendingIn(rows: Rows): Promise<Pending> {
  const ids = new Set<string>()
  const profiles = new Map<string, readonly string[]>()
  const projects = new Set<string>()
  const keys: Key[] = []
  for await (const page of rows.own.pages('forgetting', PAGE)) {
    for (const { key, value } of page) {
      const row = value as object as { readonly projects: readonly string[] }
      for (const project of row.projects) projects.add(project)
      if (key[1] === 'profile') profiles.set(key[2] as string, row.projects)
      else ids.add(idOf(key[2] as string, key[3] as string))
      keys.push(key)
    }
  }
  return { ids, profiles, projects: [...projects], keys }
}

/**
 * Profiles of others that name an erased one, a few at a time: as a part of them, or as what they became part of.
 * An identifier of the erased may have named somebody else's profile before; no index tells.
 */
export async function* kinOf(rows: Rows, pending: Pending): AsyncGenerator<readonly string[]> {
  for await (const page of rows.pages('profile', PAGE)) {
    const kin = page.filter(({ value }) => namesErased(value as object as ProfileRow | RedirectRow, pending))
    if (kin.length > 0) yield kin.map(({ key }) => key[1] as string)
  }
}

const namesErased = (row: ProfileRow | RedirectRow, { profiles }: Pending): boolean =>
  isRedirect(row) ? profiles.has(row.to) : (row.was ?? []).some((former) => profiles.has(former))

/** The ops that take the erased out of these profiles. */
export async function kinOps(rows: Rows, pending: Pending, kin: readonly string[]): Promise<readonly Op[]> {
  const living = await follow(rows, kin, new Map())
  return [...(await rows.profiles(kin))].flatMap(([id, row]): readonly Op[] => {
    if (!namesErased(row, pending)) return []
    const key = [rows.graph, id]
    const put = (value: object): readonly Op[] => [{ op: 'put', table: 'profile', key, value: value as Json }]
    if (isRedirect(row)) {
      const to = living.get(id)
      return to === undefined ? [{ op: 'delete', table: 'profile', key }] : put({ to })
    }
    const { was = [], ...others } = row
    const left = was.filter((former) => !pending.profiles.has(former))
    return put({ ...others, ...(left.length > 0 && { was: left }) })
  })
}

/**
 * Deletes the bindings and redirects of the erased profiles, and bindings of others under an erased address: those whom
 * history knows to have had it. Returns how many bindings there were.
 */
export async function eraseBindings(rows: Rows, { ids, profiles, projects }: Pending): Promise<number> {
  const others = new Set<string>()
  for (const id of ids) {
    for await (const { row } of historyOf(rows, id)) for (const one of [row.from, row.to]) if (one) others.add(one)
  }
  const kept = await rows.profiles([...profiles.keys()])
  const gone = [...profiles.keys()].filter((id) => {
    const row = kept.get(id)
    return row === undefined || isRedirect(row) // what lives under the id again is somebody else
  })
  const values = new Set([...ids].map((id) => partsOf(id)[1]))
  const ops: Op[] = gone.map((id) => ({ op: 'delete', table: 'profile', key: [rows.graph, id] }))
  let count = 0
  for (const project of projects) {
    const own = new Set(gone.filter((id) => profiles.get(id)?.includes(project)))
    const bound = await rows.bindings(project, [...new Set([...own, ...others])])
    for (const [id, { address }] of bound as ReadonlyMap<string, BindingRow>) {
      if (!own.has(id) && !values.has(address)) continue
      ops.push({ op: 'delete', table: 'binding', key: [project, id] })
      count += 1
    }
  }
  for (let from = 0; from < ops.length; from += PAGE) await rows.store.commit(ops.slice(from, from + PAGE))
  return count
}

/**
 * Records that show an erased identifier which was too many for them: no index leads there, so all are read, a few
 * at a time. `any`: there are such records of somebody.
 */
export async function* crowdedRecords(
  rules: Rules,
  rows: Rows,
  { ids }: Pending,
): AsyncGenerator<{ readonly refs: readonly RecordRef[]; readonly any: boolean }> {
  for await (const page of rows.pages('evidence', PAGE)) {
    for (const { key, value } of page) {
      const record = value as object as StoredRecord
      if (!record.unusable?.some(([, , problem]) => isUnindexed(problem))) continue
      const isErased = unindexedIn(rules, record).some((id) => ids.has(id))
      yield { refs: isErased ? [key.slice(1) as [string, string]] : [], any: true }
    }
  }
}

/** Takes the erased out of the log and the history, which no index does: each is read once from end to end. */
export async function eraseTraces(rows: Rows, pending: Pending): Promise<void> {
  for await (const page of rows.pages('identityLog', PAGE)) {
    const gone = page.filter(({ value }) => pending.profiles.has(value as string))
    await rows.store.commit(gone.map(({ key }) => ({ op: 'delete', table: 'identityLog', key })))
  }
  for await (const page of rows.own.pages('identityHistory', PAGE)) {
    await rows.store.commit(await historyWithout(rows, pending, page))
  }
}

/** History without the erased: their rows, their profile ids in rows of others, and names of records that are gone. */
async function historyWithout(rows: Rows, { ids, profiles }: Pending, page: readonly Entry[]): Promise<readonly Op[]> {
  const table = 'identityHistory'
  const refs = page.flatMap(({ value }) => (value as object as HistoryRow).records ?? [])
  const kept = await rows.records(new Map(refs.map((ref) => [refText(ref), ref])))
  return page.flatMap(({ key, value }): readonly Op[] => {
    if (ids.has(idOf(key[1] as string, key[2] as string))) return [{ op: 'delete', table, key }]
    const { from, to, records = [], what } = value as object as HistoryRow
    const named = records.filter((ref) => ref[1] === '' || kept.has(refText(ref)))
    const row: HistoryRow = {
      what,
      ...(from !== undefined && !profiles.has(from) && { from }),
      ...(to !== undefined && !profiles.has(to) && { to }),
      ...(named.length > 0 && { records: named }),
    }
    const isSame = JSON.stringify(row) === JSON.stringify(value)
    return isSame ? [] : [{ op: 'put', table, key, value: row as object as Json }]
  })
}
