import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { evidence as telcoEvidence, truth as telcoTruth } from '../../examples/telco/recipe.js'
import { IdentityResolver, type NamespaceRule } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'

/** Public data sets that lie beside the checkout, where there are any; LAKELOOP_DATA names another place. */
const DATA = process.env.LAKELOOP_DATA ?? join(import.meta.dirname, '../../../shared/data')

/** A book whose people are known, and the rules it is resolved by. */
export interface Book {
  readonly set: string
  /** The rules in words, as docs/identity-measured.md has them. */
  readonly rules: string
  readonly isHere: boolean
  readonly namespaces: Readonly<Record<string, NamespaceRule>>
  readonly phoneNormalizer?: (raw: string) => string | undefined
  /** What is placed, and who it is in truth: each record, or in the telco book each account. */
  load(): { readonly evidence: readonly Evidence[]; readonly placed: readonly Placed[] }
}

interface Placed {
  /** The record whose strongest identifier says where it went. */
  readonly source: string
  readonly key: string
  readonly person: string
}

/** Pairwise over what is placed. */
export interface Found {
  readonly profiles: number
  readonly conflicts: number
  readonly precision: number
  readonly recall: number
  /** Placed ones whose profile has no email. */
  readonly withoutEmail: number
}

interface Line extends Omit<Evidence, 'ids'> {
  readonly ids: readonly { readonly type: string; readonly value: string }[]
  readonly truth: string
}

/** A set of `shared/data/identity`; `only` leaves one kind of identifier. */
function book(set: string, rules: string, namespaces: Book['namespaces'], only?: string): Book {
  const folder = join(DATA, 'identity', set)
  const load: Book['load'] = () => {
    const lines = readFileSync(join(folder, 'evidence.jsonl'), 'utf8').trim().split('\n')
    const parsed = lines.map((line) => JSON.parse(line) as Line)
    return {
      evidence: parsed.map(({ source, key, observedAt, ids }) => {
        const kept = ids.filter(({ type }) => only === undefined || type === only)
        return { source, key, observedAt, ids: kept.map(({ type, value }) => ({ namespace: type, value })) }
      }),
      placed: parsed.map(({ source, key, truth }) => ({ source, key, person: truth })),
    }
  }
  return { set, rules, isHere: existsSync(folder), namespaces, load }
}

const febrl = (maxIdentifiers: number): Book['namespaces'] => ({
  ssn: { priority: 1, anchor: true, maxIdentifiers },
  name_dob: { priority: 2 },
})

// National numbers without a region are no phones here: they are compared as ids.
const dbt = (maxIdentifiers: number): Book['namespaces'] => ({
  crm_id: { priority: 1, anchor: true, maxIdentifiers },
  email: { priority: 2 },
  phone: { priority: 3, normalise: 'id' },
  loyalty: { priority: 4 },
})

/** North American numbers, as the example's CRM writes them. */
function northAmerican(raw: string): string | undefined {
  const digits = raw.replace(/[\s()-]/g, '')
  return digits.startsWith('+') ? digits : /^\d{10}$/.test(digits) ? `+1${digits}` : undefined
}

const telco = (maxIdentifiers: number): Book => ({
  set: 'telco',
  rules: `up to ${maxIdentifiers} accounts a person`,
  isHere: true,
  namespaces: {
    customer_id: { priority: 1, maxIdentifiers, normalise: 'idUpper' },
    user_id: { priority: 2, maxIdentifiers: 1, anchor: true },
    email: { priority: 3 },
    phone: { priority: 4 },
  },
  phoneNormalizer: northAmerican,
  load: () => ({
    evidence: telcoEvidence(),
    placed: telcoTruth().map(({ customer_id, person }) => ({ source: 'crm', key: customer_id, person })),
  }),
})

export const BOOKS: readonly Book[] = [
  telco(1),
  telco(2),
  telco(5),
  book('splink_fake_1000', 'email alone', { email: { priority: 1 } }),
  book('febrl1', 'number alone, one a person', febrl(1), 'ssn'),
  book('febrl1', 'number and name with birthday, up to 3 numbers', febrl(3)),
  book('febrl1', 'number and name with birthday, one number', febrl(1)),
  book('dbt_idr_sample', 'up to 100 CRM ids a person', dbt(100)),
  book('dbt_idr_sample', 'up to 3 CRM ids a person', dbt(3)),
  book('dbt_idr_sample', 'one CRM id a person', dbt(1)),
]

/** Keys that one call of a store may name. */
const KEYS_MAX = 10_000

/** Resolves a book and compares what was put together with what belongs together. */
export async function measure({ namespaces, phoneNormalizer, load }: Book): Promise<Found> {
  const { evidence, placed } = load()
  await using store = new MemoryStore()
  const resolver = new IdentityResolver({ store, target: 'email', namespaces, phoneNormalizer })
  const { conflicts } = await resolver.observe(evidence)
  const records: { readonly ids: readonly (readonly [string, string])[] }[] = []
  for (let from = 0; from < placed.length; from += KEYS_MAX) {
    const keys = placed.slice(from, from + KEYS_MAX).map(({ source, key }) => ['main', source, key])
    records.push(...((await store.get('evidence', keys)) as object[] as typeof records))
  }
  const answers = await resolver.resolve(
    records.map(({ ids: [strongest] }) => (strongest ? Object.fromEntries([strongest]) : {})),
  )
  const homes = placed.map(({ source, key, person }, index) => {
    const answer = answers[index]
    const profile = answer !== undefined && 'profileId' in answer ? answer.profileId : undefined
    return { profile: profile ?? `alone ${source} ${key}`, person }
  })
  const right = pairs(homes.map(({ profile, person }) => `${profile} ${person}`))
  return {
    profiles: new Set(homes.map(({ profile }) => profile)).size,
    conflicts,
    precision: right / pairs(homes.map(({ profile }) => profile)),
    recall: right / pairs(homes.map(({ person }) => person)),
    withoutEmail: answers.filter(({ status }) => status !== 'resolved').length,
  }
}

/** How many pairs bear one name. */
function pairs(names: readonly string[]): number {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => sum + (count * (count - 1)) / 2, 0)
}

/** A row of the table in docs/identity-measured.md. Where nobody was put together there is no precision. */
export function rowOf({ set, rules }: Book, found: Found): string {
  const share = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(3))
  const { profiles, conflicts, precision, recall, withoutEmail } = found
  return `| \`${set}\` | ${rules} | ${profiles} | ${conflicts} | ${share(precision)} | ${share(recall)} | ${withoutEmail} |`
}
