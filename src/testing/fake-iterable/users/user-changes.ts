import type { Project } from '../project.js'
import { type Route, route } from '../route.js'
import { envelope, type FakeAnswer, type FakeRequest } from '../wire/answer.js'
import { isUserId, storedEmail } from './identifiers.js'

/**
 * POST /api/users/updateEmail. Source: SW (currentEmail wins; profile and events move); an unknown person: GR (February
 * 2021); a taken address: SW enum `EmailAlreadyExists`; a malformed one: VCR, GR.
 */
function updateEmail(project: Project, request: FakeRequest): FakeAnswer {
  const body = project.single(request, { currentEmail: 'string?', currentUserId: 'string?', newEmail: 'string' })
  const { currentEmail, currentUserId, newEmail = '' } = body as Record<string, string | undefined>
  const { people, forgotten } = project
  if (!project.byEmail) return envelope(400, 'BadParams', 'updateEmail is for email-based projects') // words invented
  for (const email of [currentEmail, newEmail]) {
    if (email === undefined || storedEmail(email) !== undefined) continue
    return envelope(400, 'InvalidEmailAddressError', `Invalid email: ${email}`)
  }
  const next = newEmail.toLowerCase()
  if (forgotten.has(next))
    return envelope(project.unsure.forgottenStatus, 'ForgottenUserError', 'The user was forgotten')
  const user = currentEmail === undefined ? people.byUserId(currentUserId ?? '') : people.byEmail(currentEmail)
  if (user === undefined) {
    const named = currentEmail ?? currentUserId
    return envelope(400, 'BadParams', `Cannot change user Some(${named}) to ${next}. User does not exist`)
  }
  if (people.byEmail(next) !== undefined) return envelope(400, 'EmailAlreadyExists', 'The new email is in use')
  const from = people.addressOf(user)
  const { address } = project.join({ user, email: next }, 'API')
  project.applied({ address, kind: 'updateEmail', endpoint: 'users/updateEmail', detail: { from } })
  return envelope(200, 'Success', '')
}

/**
 * POST /api/users/forget and unforget. Forgetting deletes at once here, and can take ten minutes there.
 * Source: SW, HC-360029174171; a malformed email: VCR (2021).
 */
function forget(project: Project, request: FakeRequest, kind: 'forget' | 'unforget'): FakeAnswer {
  const body = project.single(request, { email: 'string?', userId: 'string?' })
  project.requireIdentifiers([body])
  const { email, userId = '' } = body as Record<string, string | undefined>
  if (email !== undefined && storedEmail(email) === undefined)
    return envelope(400, 'InvalidEmailAddressError', `Invalid email: ${email}`)
  if (email === undefined && !isUserId(userId)) return envelope(400, 'InvalidUserIdError', `Invalid userId: ${userId}`)
  const { people, forgotten } = project
  const named = (email ?? userId).toLowerCase()
  const user = email === undefined ? people.byUserId(userId) : people.byEmail(email)
  const address = user === undefined ? (email === undefined ? userId : named) : people.addressOf(user)
  if (kind === 'unforget') forgotten.delete(named)
  else {
    forgotten.add(named)
    if (user !== undefined) people.remove(user)
  }
  project.applied({ address, kind, endpoint: `users/${kind}` })
  return envelope(200, 'Success', '')
}

export const CHANGES: readonly Route[] = [
  route('POST users/updateEmail', ({ project, request }) => updateEmail(project, request)),
  route('POST users/forget', ({ project, request }) => forget(project, request, 'forget')),
  route('POST users/unforget', ({ project, request }) => forget(project, request, 'unforget')),
]
