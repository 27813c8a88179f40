import { type ErrorFacts, LakeloopError } from '../errors.js'
import { nearest } from '../model/nearest.js'
import type { DriftChange } from '../model/report.js'
import type { Schema } from '../model/row.js'
import type { Reason } from '../model/value.js'
import { type Change, isRead, likeness, type Reads } from './drift.js'

/** Tell of it and go on; end the run before its first row; or keep the rows until the transform was mended. */
export type DriftPolicy = DriftChange['decision']

/** By kind of change. All but `added` are about columns that the transform reads: others are only ever reported. */
export type DriftPolicies = Partial<Readonly<Record<DriftChange['kind'], DriftPolicy>>>

const DEFAULTS: Readonly<Record<DriftChange['kind'], DriftPolicy>> = {
  added: 'report',
  dropped: 'stop',
  renamed: 'stop',
  typeWidened: 'report',
  typeChanged: 'stop',
  nestedChanged: 'stop',
  nullability: 'report',
}

export interface Judging {
  readonly reads: Reads
  readonly policies: DriftPolicies
  /** The transform was edited since the last schema was accepted: it knows of what changed, but for what is gone. */
  readonly edited: boolean
}

/** The changes with what is to be done about each. Pure. */
export function judged(changes: readonly Change[], { reads, policies, edited }: Judging): readonly DriftChange[] {
  return changes.map((change) => {
    const { kind, column } = change
    const isGone = (kind === 'dropped' || kind === 'renamed') && change.after === undefined
    if (edited && !isGone) return { ...change, breaks: false, decision: 'report' }
    const concerns = kind === 'added' || isRead(reads, column)
    return { ...change, decision: concerns ? (policies[kind] ?? DEFAULTS[kind]) : 'report' }
  })
}

export interface Verdict {
  /** Why the run ends before its first row. */
  readonly stop?: LakeloopError
  /** Why rows are kept and not sent. */
  readonly park?: Reason
}

/**
 * What is to be done, all changes taken together: the first that stops, else the first that parks. A column that the
 * transform reads and that was never there counts as dropped.
 */
export function verdict(changes: readonly DriftChange[], after: Schema, judging: Judging): Verdict {
  const { reads, policies } = judging
  const missing = reads.reads.filter(({ column }) => !after.columns.some(({ name }) => name === column))
  const never = missing.filter(({ column }) => !changes.some((change) => change.column === column))
  const found = [...changes, ...never.map(({ column }) => absent(column, after, policies))]
  const stop = found.find(({ decision }) => decision === 'stop')
  if (stop !== undefined) return { stop: new LakeloopError(codeOf(stop), factsOf(stop, reads)) }
  const park = found.find(({ decision }) => decision === 'park')
  return park === undefined ? {} : { park: { code: 'SCHEMA_PARKED', facts: factsOf(park, reads) } }
}

/** What was never there has no type from before, and no new name either: a near one may be meant. */
const wasThere = ({ before }: DriftChange): boolean => before !== undefined

function absent(column: string, { columns }: Schema, policies: DriftPolicies): DriftChange {
  const names = columns.map(({ name }) => name)
  const typed = nearest(column, names) ?? []
  const alike = names
    .map((name) => ({ name, likeness: likeness(name, column) }))
    .filter((one) => one.likeness > 0.5)
    .sort((a, b) => b.likeness - a.likeness || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name)
  const candidates = [...new Set([typed, alike].flat())]
  return { kind: 'dropped', column, candidates, breaks: true, decision: policies.dropped ?? DEFAULTS.dropped }
}

const codeOf = ({ breaks }: DriftChange) => (breaks ? 'SCHEMA_BREAKS_TRANSFORM' : 'SCHEMA_CHANGED')

const CHANGE: Readonly<Record<DriftChange['kind'], (change: DriftChange) => string>> = {
  dropped: ({ after }) => (after === undefined ? 'missing' : 'gone, and another column has its name now'),
  renamed: ({ candidates: [name] = [], after }) =>
    `renamed to ${name}${after === undefined ? '' : ', and another column has its name now'}`,
  typeChanged: ({ before, after }) => `${after} and was ${before}`,
  nestedChanged: ({ before, after }) => `${after} and was ${before}`,
  typeWidened: ({ before, after }) => `${after} and was ${before}`,
  nullability: ({ after }) => (after === 'nullable' ? 'nullable now' : 'never NULL now'),
  added: () => 'new',
}

function factsOf(change: DriftChange, { reads }: Reads): ErrorFacts {
  const { kind, column, commit } = change
  const names = kind === 'dropped' ? (change.candidates ?? []).slice(0, 5) : []
  return {
    column,
    kind,
    change: CHANGE[kind](change),
    candidates:
      names.length === 0 ? '' : `, ${wasThere(change) ? 'perhaps renamed to' : 'the nearest is'} ${names.join(' or ')}`,
    commit: commit === undefined ? '' : ` (version ${commit.version} of ${commit.at})`,
    at: reads.find((read) => read.column === column)?.at ?? 'a place that reads the whole row',
  }
}
