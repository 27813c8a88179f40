import { LakeloopError } from '../../errors.js'
import type { Outcome } from '../../model/outcome.js'
import type { Reason } from '../../model/value.js'
import type { HttpAnswer } from '../../transport/http-client.js'
import { codeOf, taken } from './answers.js'
import { bulkOutcomes } from './failure-lists.js'
import { type Asking, byEmail } from './look-up.js'
import type { EmailChange, WireRequest } from './wire.js'

/** Options of {@link changeEmail}. */
export interface ChangeOptions extends Asking {
  /** True if a former attempt may have been applied: then it is looked up before it is repeated (I2). */
  readonly again: boolean
}

/**
 * Moves a profile from one email to another, once.
 *
 * Repeat  the second time Iterable refuses, since the former email is gone; then the two are looked up, and "only the new one
 *         is there" is what was wanted. users/bulkUpdate would make whom it does not know: there they are looked up the
 *         first time too, and nothing is sent unless the former email alone is there.
 * Throws  what `apply` may throw; DESTINATION_ANSWER_UNCLEAR too where a repeat is refused and reads show the former email
 *         alone: they may lag behind a former attempt.
 */
export async function changeEmail(request: WireRequest, change: EmailChange, options: ChangeOptions): Promise<Outcome> {
  const { client, signal, again } = options
  const makesUnknown = request.endpoint === 'users/bulkUpdate'
  if (again || makesUnknown) {
    const end = endOf(await standing(change, options))
    if (end?.status === 'accepted' || (makesUnknown && end !== undefined)) return end
  }
  const answer = await client.call(request.endpoint, signal, request.body)
  const refusal = refusalOf(request, answer)
  if (refusal === undefined) return { status: 'accepted' }
  const { reason } = refusal
  if (reason?.code === 'USER_FORGOTTEN') return { status: 'rejected', reason }
  const end = endOf(await standing(change, options))
  if (end !== undefined) return end
  if (again && (reason === undefined || MAY_BE_OURS.has(reason.code))) throw unclear(request, answer)
  if (reason !== undefined) return { status: 'rejected', reason }
  taken(request, answer)
  throw unclear(request, answer)
}

/** Refusals that a former attempt may have caused, where reads do not show yet what it did: it is asked again (I10). */
const MAY_BE_OURS = new Set(['USER_CONFLICT', 'USER_UNKNOWN', 'ROW_FAILED_UNNAMED'])

const unclear = ({ endpoint }: WireRequest, { status }: HttpAnswer) =>
  new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem: `${status}` })

/** What a refusal says of the two emails. Source: Iterable api-docs.json `IterableApiResponse.code`. */
const ABOUT: Readonly<Record<string, string>> = {
  ForgottenUserError: 'USER_FORGOTTEN',
  InvalidEmailAddressError: 'EMAIL_INVALID',
}

/** That it was not done, and why if the answer says so; `undefined` if it was. */
function refusalOf(request: WireRequest, answer: HttpAnswer): { readonly reason: Reason | undefined } | undefined {
  if (answer.status === 400 || answer.status === 409) {
    const code = ABOUT[codeOf(answer.json) ?? '']
    return { reason: code === undefined ? undefined : { code, facts: {} } }
  }
  const body = taken(request, answer)
  if (request.endpoint !== 'users/bulkUpdate') return undefined
  const [outcome] = bulkOutcomes(request, body)
  if (outcome?.status === 'rejected') return outcome
  return body.successCount === 1 ? undefined : { reason: undefined } // where nothing was to be changed, nobody was moved
}

const rejected = (code: string): Outcome => ({ status: 'rejected', reason: { code, facts: {} } })

/** Which of the two emails are there. `moved`: only the new one. */
type Standing = 'moved' | 'both' | 'neither' | 'former'

/** How it ends whatever was answered; `undefined`: there is somebody to be moved, and a place. */
function endOf(found: Standing): Outcome | undefined {
  if (found === 'moved') return { status: 'accepted' }
  if (found === 'both') return rejected('USER_CONFLICT')
  return found === 'neither' ? rejected('USER_UNKNOWN') : undefined
}

async function standing({ from, to }: EmailChange, asking: Asking): Promise<Standing> {
  const there = async (email: string): Promise<boolean> => {
    const user = (await byEmail(email, asking))?.user
    return typeof user === 'object' && user !== null
  }
  const former = await there(from)
  const next = await there(to)
  if (former) return next ? 'both' : 'former'
  return next ? 'moved' : 'neither'
}
