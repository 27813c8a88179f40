import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Json } from '../model/value.js'
import type { Op } from '../stores/store.js'
import { absorb } from './absorb.js'
import { COMMIT_ROWS_AIM, untilCommitted } from './commit-again.js'
import { crowdedRecords, eraseBindings, eraseTraces, kinOf, kinOps, PAGE, type Pending, pendingIn } from './erase.js'
import type { RecordRef } from './evidence.js'
import { gather, type RecordChange, refText } from './neighbourhood.js'
import { isRedirect, type MetaRow, type Rows } from './rows.js'
import { partsOf, type Rules } from './rules.js'
import { profileIdOf } from './solve.js'
import { forgottenOf, tombstoneOf, withoutForgotten } from './tombstones.js'

/** What a forget erased. */
export interface Forgotten {
  /** Identifiers that are forgotten from now on and were not before. */
  readonly identifiers: number
  readonly profiles: number
  /** Records that were changed or deleted, words by hand among them. */
  readonly records: number
  readonly bindings: number
}

export interface ForgetOptions {
  /** Whose bindings of these people are erased. */
  readonly projects: readonly string[]
  /** Salts the tombstones of a graph, from its first forget on; random where left out. For tests. */
  readonly salt?: string | undefined
}

/** One graph, and how it stands. */
export interface Erasing {
  readonly rules: Rules
  readonly current: () => Promise<{ readonly rows: Rows; readonly meta: MetaRow | undefined }>
}

/**
 * Erases the people behind some identifiers. For each, one commit takes them out of who is who and writes their
 * tombstones; from then on nothing shows them or makes them anew. What holds their values is erased after that, in
 * bounded commits. What a crash leaves undone stands in the table `forgetting`, and whoever writes next finishes it.
 */
export async function forget(
  erasing: Erasing,
  ids: readonly string[],
  options: ForgetOptions,
): Promise<{ readonly counts: Forgotten; readonly erased: readonly string[] }> {
  const erased: string[] = []
  let profiles = 0
  for (const id of ids) {
    const begun = await untilCommitted(() => begin(erasing, id, options))
    erased.push(...begun.ids)
    profiles += begun.profiles
    await setImmediate() // lets the host's loop turn between commits
  }
  const { records, bindings } = await finish(erasing)
  return { counts: { identifiers: erased.length, profiles, records, bindings }, erased }
}

/** Takes the person behind one identifier out of who is who. */
async function begin(
  { rules, current }: Erasing,
  id: string,
  { projects, salt: ownSalt }: ForgetOptions,
): Promise<{ readonly ids: readonly string[]; readonly profiles: number }> {
  const { rows, meta } = await current()
  const home = (await rows.homes([id])).get(id) ?? undefined
  const ids = home === undefined ? [id] : await identifiersOf(rules, rows, id, home)
  const known = await forgottenOf(rows, meta, ids)
  const fresh = ids.filter((one) => !known.has(one))
  if (fresh.length === 0) return { ids: [], profiles: 0 }
  const former = home === undefined ? undefined : (await rows.profiles([home])).get(home)
  const was = former === undefined || isRedirect(former) ? [] : (former.was ?? [])
  const profileIds = [...fresh.map((one) => profileIdOf(rules, ...partsOf(one))), ...was, ...(home ? [home] : [])]
  const salt = meta?.forgets?.salt ?? ownSalt ?? randomBytes(32).toString('hex')
  const put = (key: readonly string[]): Op => ({
    op: 'put',
    table: 'forgetting',
    key: [rows.name, ...key],
    value: { projects },
  })
  await rows.store.commit([
    ...(await absorb(rules, rows, meta, [], {
      seeds: fresh,
      without: new Set(fresh),
      forgets: { ...meta?.forgets, salt, pending: true },
    })),
    ...fresh.map(
      (one): Op => ({ op: 'put', table: 'tombstone', key: [rows.name, tombstoneOf(salt, one)], value: true }),
    ),
    ...fresh.map((one) => put(['identifier', ...partsOf(one)])),
    ...[...new Set(profileIds)].map((profileId) => put(['profile', profileId])),
  ])
  return { ids: fresh, profiles: home === undefined ? 0 : 1 }
}

/** All identifiers of a profile, the retired ones too, of which rows of version 0.1.0 do not tell. */
export async function identifiersOf(rules: Rules, rows: Rows, id: string, home: string): Promise<readonly string[]> {
  const { ids } = await gather(rules, rows, [], { seeds: [id] })
  return [...ids].filter(([, place]) => place === home).map(([one]) => one)
}

/** Erases what the begun ones have left behind, whoever began it. Repeat   does the rest of what a crash left undone. */
export async function finish(erasing: Erasing): Promise<{ readonly records: number; readonly bindings: number }> {
  let [records, bindings] = [0, 0]
  for (;;) {
    const { rows, meta } = await erasing.current()
    if (meta?.forgets?.pending !== true) return { records, bindings }
    const pending = await pendingIn(rows)
    for (const id of pending.ids) records += await takeOut(erasing, pending, id)
    let crowded = false
    if (meta.forgets.crowded !== false) {
      for await (const { refs, any } of crowdedRecords(erasing.rules, rows, pending)) {
        crowded ||= any
        records += await untilCommitted(() => takeSome(erasing, pending, refs))
      }
    }
    for await (const kin of kinOf(rows, pending)) await untilCommitted(() => disown(erasing, pending, kin))
    bindings += await eraseBindings(rows, pending)
    await eraseTraces(rows, pending)
    await untilCommitted(() => settle(erasing, pending, crowded))
  }
}

/** Takes one identifier, and whatever of the others is beside it, out of all records that hold it. */
async function takeOut(erasing: Erasing, pending: Pending, id: string): Promise<number> {
  for (let count = 0; ; ) {
    const done = await untilCommitted(async () => {
      const { rows } = await erasing.current()
      return takeSome(erasing, pending, await firstHolders(rows, id), id)
    })
    if (done === 0) return count
    count += done
    await setImmediate()
  }
}

async function firstHolders(rows: Rows, id: string): Promise<readonly RecordRef[]> {
  for await (const page of rows.holders(id)) return page.map(({ ref }) => ref)
  return []
}

/** As many of these records as fit into one commit. Returns how many there were. */
async function takeSome(
  { rules, current }: Erasing,
  { ids }: Pending,
  refs: readonly RecordRef[],
  id?: string,
): Promise<number> {
  if (refs.length === 0) return 0
  const { rows, meta } = await current()
  const kept = await rows.records(new Map(refs.map((ref) => [refText(ref), ref])))
  const changes: RecordChange[] = []
  const index: Op[] = []
  let cost = 0
  for (const ref of refs) {
    if (cost > COMMIT_ROWS_AIM) break
    const before = kept.get(refText(ref))
    const left = before && withoutForgotten(rules, ref, before, ids)
    changes.push({ ref, before, after: left?.ids.length ? left : undefined })
    // Gone in any case, so that the same record is not found for ever.
    if (id !== undefined) index.push({ op: 'delete', table: 'evidenceById', key: [...rows.idKey(id), ...ref] })
    cost += 1 + 3 * (before?.ids.length ?? 1)
  }
  await rows.store.commit([...(await absorb(rules, rows, meta, changes, { without: ids })), ...index])
  return changes.length
}

async function disown({ current }: Erasing, pending: Pending, kin: readonly string[]): Promise<void> {
  const { rows, meta } = await current()
  const ops = await kinOps(rows, pending, kin)
  await rows.store.commit([...ops, ...written(rows, meta as MetaRow, {})])
}

/** Nothing is pending any more, unless another process has begun another one meanwhile. */
async function settle({ current }: Erasing, pending: Pending, crowded: boolean): Promise<void> {
  const { name, store } = (await current()).rows
  const done = pending.keys.map((key): Op => ({ op: 'delete', table: 'forgetting', key }))
  for (let from = 0; from < done.length; from += PAGE) await store.commit(done.slice(from, from + PAGE))
  const { rows, meta } = await current()
  const { salt, crowded: wasCrowded = false } = (meta as MetaRow).forgets as NonNullable<MetaRow['forgets']>
  if ((await store.scan('forgetting', { prefix: [name], limit: 1 })).length > 0) return
  await store.commit(written(rows, meta as MetaRow, { forgets: { salt, crowded: crowded || wasCrowded } }))
}

/** The meta row of a commit that is no absorbing: it holds only if nobody else wrote since. */
function written({ metaKey: key }: Rows, meta: MetaRow, change: Partial<MetaRow>): readonly Op[] {
  const next = { ...meta, ...change, version: meta.version + 1 }
  return [
    { op: 'check', table: 'identityMeta', key, is: meta as object as Json },
    { op: 'put', table: 'identityMeta', key, value: next as object as Json },
  ]
}
