import { isLakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { IterableClient } from '../../vendors/iterable/iterable-client.js'
import { USER_FIELDS_MAX } from './contract.js'
import type { IterableSettings } from './iterable-options.js'

/** One thing that a run needs of the project. */
export interface IterableCheck {
  readonly what: string
  /** `unknown`: nobody can tell; `problem` says what to compare. */
  readonly status: 'works' | 'missing' | 'unknown'
  readonly problem?: string
  /** What to do about it. */
  readonly fix?: string
}

/** More than a slow answer explains. Events are dated by the rows, but ends of tokens and waits by this machine. */
const SKEW_MS_MAX = 30_000
/** From how many fields on it is worth a word. */
const FIELDS_TOLD = 900

/**
 * Looks for what a run needs of the project before it is needed: key, lists, room for fields, the clock. Sends nothing.
 *
 * Shape    ends behind the key where that is refused.
 * Throws   ABORTED; never for what is missing.
 */
export async function preflight(
  client: IterableClient,
  settings: Pick<IterableSettings, 'projectType' | 'dataCenter' | 'createNewFields'>,
  { signal, now }: { readonly signal: AbortSignal; readonly now: () => number },
): Promise<readonly IterableCheck[]> {
  const before = now()
  try {
    const { status, json, dateMs } = await client.call('users/getFields', signal)
    const fields = (json as JsonObject | null | undefined)?.fields
    if (status !== 200 || typeof fields !== 'object' || fields === null) {
      return [{ what: 'sign in', status: 'unknown', problem: `users/getFields answered ${status} without fields` }]
    }
    const names = Object.keys(fields as Readonly<Record<string, Json>>)
    return [
      { what: 'sign in', status: 'works' },
      typeCheck(settings.projectType, names),
      ...(settings.createNewFields ? [roomCheck(names.length)] : []),
      clockCheck(dateMs, before, now()),
      await listsCheck(client, signal),
    ]
  } catch (error) {
    if (!isLakeloopError(error) || error.code === 'ABORTED') throw error
    return [{ what: 'sign in', ...failed(error, settings.dataCenter) }]
  }
}

function failed(
  error: { readonly code: string; readonly message: string },
  dataCenter: string,
): Pick<IterableCheck, 'status' | 'problem' | 'fix'> {
  // Where no key is at hand, or one of a wrong form, nothing is sent: the message says what to do.
  const isMissing = error.code === 'CREDENTIALS_MISSING' || error.code === 'OPTION_INVALID'
  if (isMissing) return { status: 'missing', problem: error.message }
  if (error.code !== 'DESTINATION_UNAUTHORIZED') return { status: 'unknown', problem: error.message }
  const fix = `Make a server-side key of this project in Iterable, Integrations > API Keys, and see that its data center is ${dataCenter}.`
  return { status: 'missing', problem: error.message, fix }
}

/** No endpoint tells. Source: HC-217744303 has itblUserId in projects that are not by email; that others lack it is derived. */
function typeCheck(projectType: IterableSettings['projectType'], fields: readonly string[]): IterableCheck {
  const what = `project type ${projectType}`
  const fix =
    'Compare it in Iterable, Settings > Project Settings: it cannot be changed there, only in projectType here.'
  const isOther = projectType === 'email' && fields.includes('itblUserId')
  const problem = isOther
    ? 'the project has the field itblUserId, which projects by userId and hybrid ones have'
    : 'Iterable has no way to ask for it'
  return { what, status: 'unknown', problem, fix }
}

function roomCheck(fields: number): IterableCheck {
  const what = `room for new fields: ${fields} of ${USER_FIELDS_MAX} are there`
  if (fields < FIELDS_TOLD) return { what, status: 'works' }
  const fix = 'Set createNewFields: false, or have fields that nobody uses archived by Iterable.'
  return { what, status: fields < USER_FIELDS_MAX ? 'unknown' : 'missing', problem: 'few or none are left', fix }
}

/** Against the middle of the exchange; `Date` has whole seconds. */
function clockCheck(dateMs: number | undefined, before: number, after: number): IterableCheck {
  const what = 'clock of this machine'
  if (dateMs === undefined) return { what, status: 'unknown', problem: 'the answer had no Date to compare it with' }
  const aheadMs = (before + after) / 2 - (dateMs + 500)
  if (Math.abs(aheadMs) <= SKEW_MS_MAX + (after - before)) return { what, status: 'works' }
  const problem = `it is ${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} Iterable's`
  return { what, status: 'missing', problem, fix: 'Set it by NTP (chrony, systemd-timesyncd, w32tm).' }
}

async function listsCheck(client: IterableClient, signal: AbortSignal): Promise<IterableCheck> {
  const what = 'read lists'
  try {
    const { status } = await client.call('lists/get', signal)
    return status === 200 ? { what, status: 'works' } : { what, status: 'unknown', problem: `lists answered ${status}` }
  } catch (error) {
    if (!isLakeloopError(error) || error.code === 'ABORTED') throw error
    return { what, status: error.code === 'DESTINATION_UNAUTHORIZED' ? 'missing' : 'unknown', problem: error.message }
  }
}
