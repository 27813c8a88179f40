import { LakeloopError } from '../../errors.js'
import type { Outcome } from '../../model/outcome.js'
import type { HttpAnswer } from '../../transport/http-client.js'
import { codeOf, taken } from './answers.js'
import { type Asking, byEmail } from './look-up.js'
import { parsed } from './payload.js'
import type { WireRequest } from './wire.js'

/** Options of {@link changeEmail}. */
export interface ChangeOptions extends Asking {
  /** True if a former attempt may have been applied: then it is looked up before it is repeated (I2). */
  readonly again: boolean
}

/**
 * Moves a profile from one email to another, once.
 *
 * Repeat  the second time Iterable answers 400, since the former email is gone; then the two are looked up, and "only the
 *         new one is there" is what was wanted.
 * Throws  what `apply` may throw.
 */
export async function changeEmail(request: WireRequest, options: ChangeOptions): Promise<Outcome> {
  const { client, signal } = options
  if (options.again && (await standing(request, options)) === 'moved') return { status: 'accepted' }
  const answer = await client.call('users/updateEmail', signal, request.body)
  const refused = answer.status === 400 || answer.status === 409
  if (!refused) {
    taken(request, answer)
    return { status: 'accepted' }
  }
  return verdict(request, answer, await standing(request, options))
}

/** Which of the two emails are there. `moved`: only the new one. */
type Standing = 'moved' | 'both' | 'neither' | 'former'

function verdict(request: WireRequest, answer: HttpAnswer, found: Standing): Outcome {
  const no = (code: string): Outcome => ({ status: 'rejected', reason: { code, facts: {} } })
  const code = codeOf(answer.json)
  if (code === 'ForgottenUserError') return no('USER_FORGOTTEN')
  if (found === 'moved') return { status: 'accepted' }
  if (found === 'both') return no('USER_CONFLICT')
  if (found === 'neither') return no('USER_UNKNOWN')
  if (code === 'InvalidEmailAddressError') return no('EMAIL_INVALID')
  taken(request, answer)
  throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint: request.endpoint, problem: `${answer.status}` })
}

async function standing(request: WireRequest, asking: Asking): Promise<Standing> {
  const { currentEmail, newEmail } = parsed(request.body)
  const there = async (email: string): Promise<boolean> => {
    const user = (await byEmail(email, asking))?.user
    return typeof user === 'object' && user !== null
  }
  const former = await there(String(currentEmail))
  const next = await there(String(newEmail))
  if (former) return next ? 'both' : 'former'
  return next ? 'moved' : 'neither'
}
