import type { Identifier } from '../model/identifier.js'
import { identifiersOf } from './forget.js'
import { refText } from './neighbourhood.js'
import { isRedirect, type Rows } from './rows.js'
import { idOf, partsOf, type Rules } from './rules.js'
import { profileIdOf } from './solve.js'

/** By what entries outside of identity can be known as those of some people. It is personal data, in the clear. */
export interface Traces {
  /** As the rules write them: those asked for, all of the same people, and those that were theirs last and are nobody's now. */
  readonly identifiers: readonly Identifier[]
  /** Other texts in the people's records: raw forms of the same, and what was no valid value. */
  readonly spellings: readonly string[]
  /** Of now and before. */
  readonly profileIds: readonly string[]
  /** Source and key of the records that show them. */
  readonly records: readonly (readonly [source: string, key: string])[]
}

/** Whose traces. */
export interface TracesOf {
  readonly ids: readonly string[]
  readonly target: string
  readonly projects: readonly string[]
}

/** Cost  the records of these people, and the history of the graph once from end to end: no index leads there from a profile. */
export async function tracesOf(rules: Rules, rows: Rows, { ids, target, projects }: TracesOf): Promise<Traces> {
  const own = new Set(ids)
  const profileIds = new Set<string>()
  for (const id of ids) {
    const home = (await rows.homes([id])).get(id) ?? undefined
    if (home === undefined) continue
    profileIds.add(home)
    for (const one of await identifiersOf(rules, rows, id, home)) own.add(one)
    const row = (await rows.profiles([home])).get(home)
    if (row !== undefined && !isRedirect(row)) for (const former of row.was ?? []) profileIds.add(former)
  }
  for (const id of await ownerless(rows, await formerOf(rows, profileIds))) own.add(id)
  for (const project of projects) {
    const bound = await rows.bindings(project, [...profileIds])
    const addresses = [...bound.values()].map(({ address }) => idOf(target, address))
    for (const id of await ownerless(rows, addresses)) own.add(id)
  }
  for (const id of await unboundIds(rules, rows, own)) profileIds.add(id)
  const { spellings, records } = await recordsOf(rows, own)
  const identifiers = [...own].map(partsOf).map(([namespace, value]) => ({ namespace, value }))
  return { identifiers, spellings, profileIds: [...profileIds], records }
}

/** Identifiers that were last known as one of these profiles'. */
async function formerOf(rows: Rows, profileIds: ReadonlySet<string>): Promise<readonly string[]> {
  const last = new Map<string, boolean>()
  for await (const page of rows.own.pages('identityHistory')) {
    for (const { key, value } of page) {
      const { from, to } = value as { readonly from?: string; readonly to?: string }
      const id = idOf(key[1] as string, key[2] as string)
      const isTheirs = profileIds.has(to ?? from ?? '')
      // Rows of one identifier stand one behind the other, the newest last.
      if (isTheirs || last.has(id)) last.set(id, isTheirs)
    }
  }
  return [...last].flatMap(([id, isTheirs]) => (isTheirs ? [id] : []))
}

/** Those that nobody has now: what is another person's stays theirs. */
async function ownerless(rows: Rows, ids: readonly string[]): Promise<readonly string[]> {
  const homes = await rows.homes(ids)
  return ids.filter((id) => !homes.has(id))
}

/** Ids under which they were written to while nobody was known. */
async function unboundIds(rules: Rules, rows: Rows, own: ReadonlySet<string>): Promise<readonly string[]> {
  const made = [...own].map((id) => profileIdOf(rules, ...partsOf(id)))
  const living = await rows.profiles(made)
  return made.filter((id) => !living.has(id))
}

const TELLING: readonly string[] = ['invalid', 'too many', 'inactive']

async function recordsOf(rows: Rows, own: ReadonlySet<string>): Promise<Pick<Traces, 'spellings' | 'records'>> {
  const spellings = new Set<string>()
  const records = new Map<string, readonly [string, string]>()
  for (const id of own) {
    for await (const page of rows.holders(id)) {
      const refs = new Map(page.map(({ ref }) => [refText(ref), ref] as const))
      for (const [text, { ids, unusable = [] }] of await rows.records(refs)) {
        const [source, key] = refs.get(text) as readonly [string, string]
        records.set(refText([source, key]), [source, key])
        for (const [namespace, value, ...raws] of ids)
          if (own.has(idOf(namespace, value))) for (const raw of raws) spellings.add(raw)
        for (const [, raw, problem] of unusable) if (raw !== '' && TELLING.includes(problem)) spellings.add(raw)
      }
    }
  }
  return { spellings: [...spellings], records: [...records.values()] }
}
