import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { handleOf, handlesOf, keyHandle } from '../history/handles.js'
import { type OutcomeEntry, outcomesOf } from '../history/outcomes.js'
import type { Place } from '../history/place.js'
import type { Identifiers } from '../model/identifier.js'
import { optionFault } from '../model/option-fault.js'
import { OUTCOME_RANK, type OutcomeStatus } from '../model/outcome.js'
import { keyPart } from '../stores/store.js'
import type { SyncOptions } from './options.js'

/** Which outcomes: all that is said has to hold. Nothing said: all of them. */
export interface OutcomesRequest {
  /** Any identifiers of a person. Those that identity knows beside them, and the addresses, are looked for too. */
  readonly person?: Identifiers
  /** Of a row, as `RowBlock.key` has it: instead of a person. */
  readonly key?: string
  readonly runId?: string
  /** A code. */
  readonly reason?: string
  readonly status?: OutcomeStatus
  /** Entries at most. Default: all. */
  readonly limit?: number
}

const REQUEST = z.strictObject({
  person: z
    .record(z.string().min(1), z.string())
    .refine((person) => Object.keys(person).length > 0, 'has no identifier')
    .optional(),
  key: z.string().optional(),
  runId: z.string().optional(),
  reason: z.string().optional(),
  status: z.enum(OUTCOME_RANK).optional(),
  limit: z.int().min(1).optional(),
})

export async function* outcomesFor(
  place: Place,
  options: SyncOptions,
  request: OutcomesRequest,
): AsyncGenerator<OutcomeEntry> {
  const checked = REQUEST.safeParse(request)
  if (!checked.success) {
    throw new LakeloopError('OPTION_INVALID', { part: 'Sync.outcomes', ...optionFault(checked.error, REQUEST) })
  }
  if (request.person !== undefined && request.key !== undefined) {
    throw new LakeloopError('OPTION_INVALID', {
      part: 'Sync.outcomes',
      option: 'key',
      problem: 'cannot go with person',
    })
  }
  const { person, key, limit = Number.POSITIVE_INFINITY, ...question } = request
  let handles: readonly string[] | undefined
  if (person !== undefined) handles = await handlesOfPerson(options, person)
  if (key !== undefined) handles = [keyHandle(keyPart(key))]
  let left = limit
  for await (const entry of outcomesOf(place, { ...question, handles })) {
    yield entry
    left -= 1
    if (left === 0) return
  }
}

/** Under what a person may have been recorded: as they are named here, as identity names them, and where they were written to. */
export async function handlesOfPerson(
  { identity, destination }: SyncOptions,
  person: Identifiers,
): Promise<readonly string[]> {
  const handles = new Set(handlesOf(person))
  for (const [namespace, value] of Object.entries(person)) {
    const profile = await identity.profile({ namespace, value })
    for (const known of profile?.identifiers ?? []) handles.add(handleOf(known.namespace, known.value))
  }
  const [found] = await identity.resolve([person], { project: destination.project })
  if (found?.status === 'resolved') handles.add(handleOf(destination.addressedBy, found.address))
  return [...handles]
}
