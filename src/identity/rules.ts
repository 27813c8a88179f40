import { hash } from 'node:crypto'
import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { compareBytes } from '../model/byte-order.js'
import { isJunk, type Normalisation, normaliseAs } from './normalise.js'

/** What one namespace means. */
export interface NamespaceRule {
  /** 1 is the strongest. Of a record's identifiers the strongest is the one that the others are linked to. */
  readonly priority: number
  /** How many of them one profile may have (1 to 10,000). 5 where left out; an anchor's must be said. */
  readonly maxIdentifiers?: number | undefined
  /** True if a value means a person, and not a device, a mailbox or a number. True for `customer_id` and `userId` where left out. */
  readonly anchor?: boolean | undefined
  /** A value seen with more distinct owners than this joins nobody (1 to 10,000, or `false`). 20 for email and phone, else off. */
  readonly hub?: number | false | undefined
  /**
   * An identifier in a record that is older than so many days (1 to 3,650) at the graph's `asOf` joins nobody. Never where
   * left out, and never an anchor: people whom their anchors keep apart would run together.
   */
  readonly activeForDays?: number | undefined
  /** `email` for `email`, `phone` for `phone`, else `id`. */
  readonly normalise?: Normalisation | undefined
}

/** The options that decide who is one person. */
export interface RuleOptions {
  /** By name. `email` and `userId` are always there, with the rules of {@link RESERVED} where they are not given. */
  readonly namespaces: Readonly<Record<string, NamespaceRule>>
  /** Values that join nobody, besides the built-in list: text or pattern, by namespace or for all (`*`). */
  readonly blocked?: Readonly<Record<string, readonly (string | RegExp)[]>> | undefined
  /** Namespaces that are kept and never join anybody. */
  readonly attributeOnly?: readonly string[] | undefined
  /** How many identifiers one profile may have in all (1 to 10,000). Default 100. */
  readonly maxIdentifiersPerProfile?: number | undefined
  /** Who keeps an identifier that two people claim: by the most recent record (default) or the earliest. */
  readonly linkPreference?: 'most-recent' | 'earliest' | undefined
  /** Of several addresses of a person the one that an earlier of these sources shows comes first; others come last. Default none. */
  readonly sourcePriority?: readonly string[] | undefined
  /**
   * Whether a person whose only address went to another one goes without (`refuse`, default) or is written to under that
   * address too (`share`): for households that have one mailbox.
   */
  readonly onTargetClaimed?: 'refuse' | 'share' | undefined
  /**
   * What a profile id depends on: the identifier that was seen first (`founder`, default), so that it is the same after a
   * rebuild; or on what the person was called before (`pinned`), so that it never changes while the person stays.
   */
  readonly idPolicy?: 'founder' | 'pinned' | undefined
  /** Goes into every profile id, so that ids of two hosts cannot be compared. Default none. */
  readonly salt?: string | undefined
  /** A raw phone as E.164, or undefined. Without it only E.164 is taken. `lakeloop/identity/phones` makes one. */
  readonly phoneNormalizer?: PhoneNormalizer | undefined
}

/** Gives the same for the same text, always. */
export interface PhoneNormalizer {
  (raw: string): string | undefined
  /** Goes into the hash of the rules, so that one that reads otherwise is known. Without it only its presence is. */
  readonly version?: string | undefined
}

/** What the two addresses of a destination mean where the host does not say it. Source: docs/identity.md. */
export const RESERVED = {
  userId: { priority: 1, maxIdentifiers: 1, anchor: true },
  email: { priority: 3, maxIdentifiers: 5, hub: 20 },
} as const satisfies Record<string, NamespaceRule>

/** A namespace with nothing left open. */
export interface Namespace
  extends Required<{
    readonly [Name in Exclude<keyof NamespaceRule, 'activeForDays'>]: NonNullable<NamespaceRule[Name]>
  }> {
  readonly name: string
  /** Undefined: for ever. */
  readonly activeForDays: number | undefined
  /** Position by (priority, name): one number to compare. */
  readonly order: number
  readonly attributeOnly: boolean
}

/** Frozen and hashed: profiles are a function of the evidence and of this. */
export interface Rules {
  readonly namespaces: ReadonlyMap<string, Namespace>
  readonly maxIdentifiersPerProfile: number
  readonly linkPreference: 'most-recent' | 'earliest'
  readonly sourcePriority: readonly string[]
  readonly onTargetClaimed: 'refuse' | 'share'
  readonly idPolicy: 'founder' | 'pinned'
  readonly salt: string
  readonly hash: string
  readonly read: (namespace: string, raw: unknown) => Reading
}

/** One identifier as the rules see it: its value, or why it joins nobody. */
export type Reading = { readonly value: string } | { readonly problem: Problem }
export type Problem = 'undeclared' | 'attribute only' | 'not text' | 'blank' | 'blocked' | 'invalid'

/** Grows when the meaning of the same rules changes, so that profiles made before are not taken for profiles made after. */
const SEMANTICS = 1

const count = z.int().min(1).max(10_000)
const RULE = z.strictObject({
  priority: z.number().min(1).max(1_000),
  maxIdentifiers: count.optional(),
  anchor: z.boolean().optional(),
  hub: z.union([count, z.literal(false)]).optional(),
  activeForDays: z.int().min(1).max(3_650).optional(),
  normalise: z.enum(['email', 'phone', 'id', 'idUpper', 'idLower']).optional(),
})
const NAME = /^[\w.-]{1,64}$/
const RULES = z.strictObject({
  namespaces: z.record(z.string().regex(NAME, 'is no name of 1 to 64 letters, digits, dots, dashes'), RULE),
  blocked: z.record(z.string(), z.array(z.union([z.string(), z.instanceof(RegExp)]))).optional(),
  attributeOnly: z.array(z.string()).optional(),
  maxIdentifiersPerProfile: count.optional(),
  linkPreference: z.enum(['most-recent', 'earliest']).optional(),
  sourcePriority: z.array(z.string().min(1)).max(1_000).optional(),
  onTargetClaimed: z.enum(['refuse', 'share']).optional(),
  idPolicy: z.enum(['founder', 'pinned']).optional(),
  salt: z
    .string()
    .max(256)
    .regex(/^\P{Cc}*$/u, 'has control characters')
    .optional(),
  phoneNormalizer: z
    .custom<PhoneNormalizer>((value) => typeof value === 'function', 'is no function')
    .refine((value) => ['undefined', 'string'].includes(typeof value.version), 'has a version that is no text')
    .optional(),
})

/**
 * The rules with nothing left open.
 *
 * Throws  IDENTITY_RULES_INVALID with the rule's name; never a default for how many customer ids one person may have.
 */
export function compileRules(options: RuleOptions): Rules {
  const checked = RULES.safeParse(options)
  if (!checked.success) {
    const [issue] = checked.error.issues
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
    const path = [...(issue?.path ?? []), ...unknown]
    throw invalidRule(path.map(String).join('.'), unknown.length > 0 ? 'is no rule' : (issue?.message ?? 'is invalid'))
  }
  const namespaces = compileNamespaces(options)
  const { maxIdentifiersPerProfile = 100, linkPreference = 'most-recent', salt = '', phoneNormalizer } = options
  const sourcePriority = [...(options.sourcePriority ?? [])]
  const { onTargetClaimed = 'refuse', idPolicy = 'founder' } = options
  refuseContradictions(options, namespaces)
  const blocked = compileBlocked(options.blocked ?? {}, namespaces, phoneNormalizer)
  const read = (name: string, raw: unknown): Reading => {
    const rule = namespaces.get(name)
    if (rule === undefined) return { problem: 'undeclared' }
    if (rule.attributeOnly) return { problem: 'attribute only' }
    if (typeof raw !== 'string') return { problem: 'not text' }
    if (!/\S/.test(raw)) return { problem: 'blank' }
    if (isJunk(rule.normalise, raw)) return { problem: 'blocked' }
    const value = normaliseAs(rule.normalise, raw, phoneNormalizer)
    if (value === undefined) return { problem: 'invalid' }
    const isBlocked = (value !== raw && isJunk(rule.normalise, value)) || blocked(name, value)
    return isBlocked ? { problem: 'blocked' } : { value }
  }
  const content = {
    semantics: SEMANTICS,
    namespaces: [...namespaces.values()],
    blocked: Object.entries(options.blocked ?? {})
      .map(([name, list]) => [name, ...list.map(String).sort(compareBytes)] as const)
      .sort((a, b) => compareBytes(a[0], b[0])),
    total: maxIdentifiersPerProfile,
    linkPreference,
    salt,
    phoneNormalizer: phoneNormalizer?.version ?? phoneNormalizer !== undefined,
    // Rules that came later stand here only where they are used: a graph that does without them keeps its hash.
    ...(sourcePriority.length > 0 && { sourcePriority }),
    ...(onTargetClaimed !== 'refuse' && { onTargetClaimed }),
    ...(idPolicy !== 'founder' && { idPolicy }),
  }
  const digest = hash('sha256', JSON.stringify(content)).slice(0, 32)
  const kept = { namespaces, maxIdentifiersPerProfile, linkPreference, sourcePriority, onTargetClaimed, idPolicy, salt }
  return { ...kept, hash: digest, read }
}

function compileNamespaces(options: RuleOptions): ReadonlyMap<string, Namespace> {
  const declared = new Map<string, NamespaceRule>([...Object.entries(RESERVED), ...Object.entries(options.namespaces)])
  for (const name of options.attributeOnly ?? []) {
    if (!declared.has(name)) throw invalidRule('attributeOnly', 'names a namespace that is not declared')
  }
  const sorted = [...declared].sort(([a, left], [b, right]) => left.priority - right.priority || compareBytes(a, b))
  return new Map(
    sorted.map(([name, rule], order) => {
      const anchor = rule.anchor ?? (name === 'customer_id' || name === 'userId')
      if (anchor && rule.maxIdentifiers === undefined) {
        const problem = 'must be said for an anchor: 1 keeps two ids of a person apart, more joins them'
        throw invalidRule(`namespaces.${name}.maxIdentifiers`, problem)
      }
      const normalise = rule.normalise ?? (name === 'email' || name === 'phone' ? name : 'id')
      const hub = anchor ? false : (rule.hub ?? (name === 'email' || name === 'phone' ? 20 : false))
      const attributeOnly = options.attributeOnly?.includes(name) ?? false
      const { priority, maxIdentifiers = 5, activeForDays } = rule
      // Undefined is left out of the hash: a rule that came later stands there only where it is used.
      return [name, { name, order, priority, maxIdentifiers, anchor, hub, normalise, attributeOnly, activeForDays }]
    }),
  )
}

/** Rules that cannot hold together. Where a default contradicts, what was said counts. */
function refuseContradictions(options: RuleOptions, namespaces: ReadonlyMap<string, Namespace>): void {
  const total = options.maxIdentifiersPerProfile ?? 100
  for (const [name, said] of Object.entries(options.namespaces)) {
    const { anchor, attributeOnly } = namespaces.get(name) as Namespace
    const rule = `namespaces.${name}`
    if ((said.maxIdentifiers ?? 0) > total) {
      throw invalidRule(`${rule}.maxIdentifiers`, `is more than maxIdentifiersPerProfile, ${total}`)
    }
    if (anchor && said.hub) throw invalidRule(`${rule}.hub`, 'is for what people share, and an anchor means one person')
    if (anchor && said.activeForDays !== undefined) {
      const problem = 'is not for an anchor: people whom their anchors keep apart would run together'
      throw invalidRule(`${rule}.activeForDays`, problem)
    }
    if (attributeOnly && said.activeForDays !== undefined) {
      throw invalidRule(`${rule}.activeForDays`, 'is of a namespace that joins nobody: attributeOnly names it')
    }
    if (attributeOnly && said.anchor) throw invalidRule('attributeOnly', 'names an anchor, which means a person')
  }
  const sources = options.sourcePriority ?? []
  if (new Set(sources).size < sources.length) throw invalidRule('sourcePriority', 'names a source twice')
}

/** Texts are compared as the namespace writes them, patterns with the written value. */
function compileBlocked(
  lists: Readonly<Record<string, readonly (string | RegExp)[]>>,
  namespaces: ReadonlyMap<string, Namespace>,
  phoneNormalizer: RuleOptions['phoneNormalizer'],
): (namespace: string, value: string) => boolean {
  const exact = new Set<string>()
  const patterns = new Map<string, RegExp[]>()
  for (const [name, list] of Object.entries(lists)) {
    const rules = name === '*' ? [...namespaces.values()] : [namespaces.get(name)]
    for (const rule of rules) {
      if (rule === undefined) throw invalidRule('blocked', 'names a namespace that is not declared')
      for (const item of list) {
        if (typeof item === 'string') {
          exact.add(idOf(rule.name, normaliseAs(rule.normalise, item, phoneNormalizer) ?? item))
        } else {
          // A sticky or global pattern remembers where it stopped: the same value would pass every second time.
          const pattern = new RegExp(item.source, item.flags.replace(/[gy]/g, ''))
          patterns.set(rule.name, [...(patterns.get(rule.name) ?? []), pattern])
        }
      }
    }
  }
  if (exact.size === 0 && patterns.size === 0) return () => false
  return (name, value) =>
    exact.has(idOf(name, value)) || (patterns.get(name)?.some((pattern) => pattern.test(value)) ?? false)
}

/** An identifier as one text. No namespace has a control character in its name, so it can be told apart again. */
export const idOf = (namespace: string, value: string): string => `${namespace}\u0001${value}`

/** The parts of a text of {@link idOf}. */
export function partsOf(id: string): readonly [namespace: string, value: string] {
  const at = id.indexOf('\u0001')
  return [id.slice(0, at), id.slice(at + 1)]
}

/** The error for a rule that is wrong by itself, or beside another. */
export const invalidRule = (rule: string, problem: string) =>
  new LakeloopError('IDENTITY_RULES_INVALID', { rule, problem })
