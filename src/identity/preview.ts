import * as z from 'zod'
import { isLakeloopError, LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'
import type { Json } from '../model/value.js'
import type { Op, Store } from '../stores/store.js'
import { compare, type PreviewCounts } from './compare.js'
import {
  allGone,
  type GenerationsRow,
  generationsAre,
  generationsOf,
  nameOfNext,
  setGenerations,
  sweep,
  sweepOrLeave,
} from './generation.js'
import { checkPlace, invalidOption, optionsOf } from './place.js'
import { type Making, rebuild } from './rebuild.js'
import { type MetaRow, Rows } from './rows.js'
import { compileRules, type RuleOptions, type Rules } from './rules.js'

/** Options of a preview. */
export interface PreviewOptions {
  /** Ends it; what it wrote is removed. */
  readonly signal?: AbortSignal | undefined
  /** Tells, of the people bound in this project, how many change or lose their address. */
  readonly project?: string | undefined
  /** Up to so many examples of each change, with their identifiers: personal data. 0 (default) to 1,000. */
  readonly samples?: number | undefined
}

/** What a change of rules would do, and the way to do it or not. What is printed of it holds counts only. */
export interface Preview extends PreviewCounts {
  /** Names the rules that were previewed. */
  readonly rulesHash: string
  /** Records of evidence that were read anew. */
  readonly records: number
  /**
   * Makes these rules the graph's rules, in one commit; then removes what the old ones made.
   *
   * Repeat   goes on removing, where that was stopped.
   * Throws   IDENTITY_PREVIEW_STALE if anything was written to the graph since the preview began, or another preview began.
   */
  adopt(): Promise<void>
  /** Removes all that the preview wrote. Repeat   as {@link Preview.adopt}. Throws   IDENTITY_PREVIEW_STALE once adopted. */
  discard(): Promise<void>
}

/** Where a preview works, and by which rules. */
export interface PreviewPlace {
  readonly store: Store
  readonly graph: string
  readonly target: string
  /** The resolver's own. */
  readonly rules: Rules
}

const OPTIONS = z.strictObject({
  signal: z.instanceof(AbortSignal).optional(),
  project: z.string().min(1).optional(),
  samples: z.int().min(0).max(1_000).optional(),
})

/**
 * Reads all evidence of a graph anew under other rules, beside what there is, and compares the people of both.
 *
 * @param ruleOptions  default: the resolver's own rules, as a deployment has them that IDENTITY_RULES_CHANGED refused
 * @see IdentityResolver.preview
 */
export async function preview(
  place: PreviewPlace,
  ruleOptions: RuleOptions | undefined,
  options: PreviewOptions = {},
): Promise<Preview> {
  const checked = OPTIONS.safeParse(optionsOf(options))
  if (!checked.success) {
    const { option, problem } = optionFault(checked.error, OPTIONS)
    throw invalidOption(option, problem)
  }
  const rules = ruleOptions === undefined ? place.rules : compileRules(optionsOf(ruleOptions))
  checkPlace(place, rules)
  const graph = new Rows(place.store, place.graph)
  const meta = await graph.meta()
  try {
    const { making, row } = await begin(graph, meta, { rules, signal: options.signal })
    try {
      const records = await rebuild(making)
      const { target } = place
      const { project, samples = 0 } = options
      const task = { ...making, meta, named: [place.rules, rules], target, project, samples }
      const { counts, sequence } = await compare(task)
      const end = new Ending(graph, making, { meta, row, sequence })
      return {
        ...counts,
        records,
        rulesHash: rules.hash,
        adopt: () => end.adopt(),
        discard: () => end.discard(),
      }
    } catch (error) {
      if (isLakeloopError(error, 'ABORTED')) await remove(graph, row)
      throw error
    }
  } catch (error) {
    throw isLakeloopError(error, 'STORE_CONFLICT') ? stale('another preview has begun') : error
  }
}

/** Takes the place of an earlier preview, if there is one, and removes what it left. */
async function begin(
  graph: Rows,
  meta: MetaRow | undefined,
  { rules, signal }: Pick<Making, 'rules' | 'signal'>,
): Promise<{ making: Making; row: GenerationsRow }> {
  const now = await generationsOf(graph)
  const made = nameOfNext(graph, rules.hash, meta, now)
  const to = new Rows(graph.store, made)
  // Whatever else holds for the graph as a whole holds for the new one, too.
  const { generation: _, ...whole } = meta ?? { generation: undefined }
  const seed: MetaRow = { ...whole, rules: rules.hash, sequence: 0, conflicts: 0, version: 0 }
  await graph.store.commit([
    generationsAre(graph, now),
    setGenerations(graph, { made, gone: allGone(now) }),
    { op: 'put', table: 'identityMeta', key: to.metaKey, value: seed as object as Json },
  ])
  const row = await sweep(graph)
  if (row?.made !== made) throw stale('another preview has begun')
  return { making: { rules, from: graph.at(meta), to, guard: generationsAre(graph, row), signal }, row }
}

async function remove(graph: Rows, row: GenerationsRow): Promise<void> {
  try {
    const rest = { made: null, gone: allGone(row) }
    await graph.store.commit([generationsAre(graph, row), setGenerations(graph, rest)])
  } catch (error) {
    // Then another preview has taken its place, and removes it.
    if (!isLakeloopError(error, 'STORE_CONFLICT')) throw error
  }
  await sweepOrLeave(graph)
}

/** Removes all generations besides the one that the graph has. */
export async function discardAll(graph: Rows): Promise<void> {
  const row = await generationsOf(graph)
  if (row !== undefined) await remove(graph, row)
}

/** What may become of a finished preview: one of the two. */
class Ending {
  #state: 'open' | 'adopted' | 'discarded' = 'open'
  readonly #graph: Rows
  readonly #making: Making
  readonly #seen: { readonly meta: MetaRow | undefined; readonly row: GenerationsRow; readonly sequence: number }

  constructor(
    graph: Rows,
    making: Making,
    seen: { readonly meta: MetaRow | undefined; readonly row: GenerationsRow; readonly sequence: number },
  ) {
    this.#graph = graph
    this.#making = making
    this.#seen = seen
  }

  async adopt(): Promise<void> {
    if (this.#state === 'discarded') throw stale('it was discarded')
    if (this.#state === 'open') await this.#point()
    this.#state = 'adopted'
    await sweepOrLeave(this.#graph)
  }

  async discard(): Promise<void> {
    if (this.#state === 'adopted') throw stale('it was adopted')
    if (this.#state === 'open') await remove(this.#graph, this.#seen.row)
    else await sweepOrLeave(this.#graph)
    this.#state = 'discarded'
  }

  /** Points the graph to the new generation. */
  async #point(): Promise<void> {
    const { from, to, guard } = this.#making
    const { meta, sequence } = this.#seen
    // A commit whose answer was lost is not to be told as refused.
    if ((await this.#graph.meta())?.generation === to.graph) return
    const built = await to.meta()
    if (built === undefined) throw stale('another preview has begun')
    const next: MetaRow = {
      ...built,
      redirects: true,
      sequence,
      version: (meta?.version ?? 0) + 1,
      generation: to.graph,
    }
    const table = 'identityMeta'
    const ops: Op[] = [
      { op: 'check', table, key: this.#graph.metaKey, is: json(meta) },
      { op: 'check', table, key: to.metaKey, is: json(built) },
      { op: 'put', table, key: this.#graph.metaKey, value: next as object as Json },
      { op: 'delete', table, key: to.metaKey },
      setGenerations(this.#graph, { made: null, gone: [from.graph] }),
    ]
    try {
      await to.store.commit([guard, ...ops])
    } catch (error) {
      if (!isLakeloopError(error, 'STORE_CONFLICT')) throw error
      throw stale('the graph was written to since it began, or another preview has begun')
    }
  }
}

const json = (row: MetaRow | undefined): Json | undefined => row as object | undefined as Json | undefined
const stale = (problem: string) => new LakeloopError('IDENTITY_PREVIEW_STALE', { problem })
