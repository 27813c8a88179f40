import type { Identifier } from '../model/identifier.js'
import { addressesOf } from './changes.js'
import { inherit } from './heritage.js'
import { forgetMoves, groupsOf, noteMoves } from './moves.js'
import type { Making } from './rebuild.js'
import { isRedirect, type MetaRow, type ProfileRow, Rows } from './rows.js'
import type { Rules } from './rules.js'

/** Before the change of rules, and after it. */
export interface BeforeAfter {
  readonly before: number
  readonly after: number
}

/** What would become of people under other rules: how many, never who. */
export interface PreviewCounts {
  readonly profiles: BeforeAfter
  /** Open ones. */
  readonly conflicts: BeforeAfter
  /** Profiles after whose identifiers were in several before. */
  readonly merged: number
  /** Profiles before whose identifiers are in several after. */
  readonly split: number
  /** Identifiers that are shared by too many only after. */
  readonly quarantined: number
  /** Identifiers that were shared by too many only before. */
  readonly released: number
  /** Of the people bound in `project`; only where one is named. */
  readonly addresses?: Addresses
  /** Only where they are asked for: these are personal data. */
  readonly samples?: PreviewSamples
}

export interface Addresses {
  readonly bound: number
  /** Would be written to under another address. */
  readonly changed: number
  /** Would have no address any more. */
  readonly lost: number
}

/** Examples, of each kind at most as many as were asked for, with at most 20 identifiers each. */
export interface PreviewSamples {
  readonly merged: readonly (readonly Identifier[])[]
  readonly split: readonly (readonly Identifier[])[]
  readonly quarantined: readonly Identifier[]
  readonly released: readonly Identifier[]
  readonly addresses: readonly { readonly from: string; readonly to: string | undefined }[]
}

export interface Comparison extends Making {
  /** Of the old side. */
  readonly meta: MetaRow | undefined
  readonly named: readonly Rules[]
  readonly target: string
  readonly project?: string | undefined
  /** Examples of each kind that are kept. */
  readonly samples: number
}

const SAMPLE_IDENTIFIERS_MAX = 20
const PAGE = 500

type Samples = { -readonly [Kind in keyof PreviewSamples]: PreviewSamples[Kind][number][] }

/**
 * Compares the two sides and makes the new one the heir of the old one. Gives the counts and the last number of the log.
 *
 * Cost    reads identifiers, profiles, quarantine and bindings once; memory for a page of them and for the samples.
 */
export async function compare(task: Comparison): Promise<{ counts: PreviewCounts; sequence: number }> {
  const samples: Samples = { merged: [], split: [], quarantined: [], released: [], addresses: [] }
  const keep = <Kind extends keyof Samples>(kind: Kind, example: Samples[Kind][number]): void => {
    const list = samples[kind] as Samples[Kind][number][]
    if (list.length < task.samples) list.push(example)
  }
  let after = 0
  for await (const page of task.to.pages('profile')) after += page.length
  await noteMoves(task)
  const merged = await mergedOf(task, (row) => keep('merged', identifiersOf(row)))
  const onSplit = (row: ProfileRow): void => keep('split', identifiersOf(row))
  const estate = { ...task, sequence: task.meta?.sequence ?? 0, onSplit }
  const { profiles: before, split, sequence } = await inherit(estate)
  const quarantined = await onlyIn(task.to, task.from, (one) => keep('quarantined', one))
  const released = await onlyIn(task.from, task.to, (one) => keep('released', one))
  const { project } = task
  const addresses = project && (await addressesIn(task, project, (one) => keep('addresses', one)))
  await forgetMoves(task)
  const conflicts = { before: task.meta?.conflicts ?? 0, after: (await task.to.meta())?.conflicts ?? 0 }
  const counts = { profiles: { before, after }, conflicts, merged, split, quarantined, released }
  return {
    counts: { ...counts, ...(addresses && { addresses }), ...(task.samples > 0 && { samples }) },
    sequence,
  }
}

const identifiersOf = ({ members }: ProfileRow): readonly Identifier[] =>
  members.slice(0, SAMPLE_IDENTIFIERS_MAX).map(([namespace, value]) => ({ namespace, value }))

/** Profiles of the new side with identifiers of several old ones; one that has the id of an old one has its founder too. */
async function mergedOf({ from, to }: Comparison, onMerged: (row: ProfileRow) => void): Promise<number> {
  let merged = 0
  let page = new Map<string, number>()
  const settle = async (): Promise<void> => {
    const before = await from.profiles([...page.keys()])
    const after = await to.profiles([...page.keys()])
    for (const [id, others] of page) {
      const known = before.get(id)
      if (others + (known === undefined || isRedirect(known) ? 0 : 1) < 2) continue
      merged += 1
      onMerged(after.get(id) as ProfileRow)
    }
    page = new Map()
  }
  for await (const { id, others } of groupsOf(to, 'to')) {
    page.set(id, others)
    if (page.size === PAGE) await settle()
  }
  await settle()
  return merged
}

/** How many identifiers are in the quarantine of the one side and not in that of the other. */
async function onlyIn(one: Rows, other: Rows, onFound: (id: Identifier) => void): Promise<number> {
  let count = 0
  for await (const page of one.pages('quarantine')) {
    const there = await one.store.get(
      'quarantine',
      page.map(({ key }) => [other.graph, ...key.slice(1)]),
    )
    for (const [index, { key }] of page.entries()) {
      if (there[index] !== undefined) continue
      count += 1
      onFound({ namespace: key[1] as string, value: key[2] as string })
    }
  }
  return count
}

async function addressesIn(
  { from, to, target }: Comparison,
  project: string,
  onMoved: (move: PreviewSamples['addresses'][number]) => void,
): Promise<Addresses> {
  const sum = { bound: 0, changed: 0, lost: 0 }
  const { store } = from
  for await (const page of new Rows(store, project).pages('binding', PAGE)) {
    const ids = page.map(({ key }) => key[1] as string)
    const before = await addressesOf(from, { project, target }, ids)
    const after = await addressesOf(to, { project, target }, ids)
    for (const id of ids) {
      const [was, is] = [before.get(id), after.get(id)]
      sum.bound += 1
      if (was === undefined || was === is) continue
      if (is === undefined) sum.lost += 1
      else sum.changed += 1
      onMoved({ from: was, to: is })
    }
  }
  return sum
}
