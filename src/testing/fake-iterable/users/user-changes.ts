import type { Project } from '../project.js'
import { type Route, route } from '../route.js'
import { envelope, type FakeAnswer, type FakeRequest } from '../wire/answer.js'

/**
 * POST /api/users/updateEmail. Source: SW (currentEmail wins; profile and events move); an unknown person: GR (February
 * 2021); a taken address: SW enum `EmailAlreadyExists`; a malformed one: RT (of newEmail: derived).
 */
function updateEmail(project: Project, request: FakeRequest): FakeAnswer {
  const body = project.single(request, { currentEmail: 'string?', currentUserId: 'string?', newEmail: 'string' })
  const { currentEmail, currentUserId, newEmail = '' } = body as Record<string, string | undefined>
  const { people, forgotten } = project
  if (!project.byEmail) return envelope(400, 'BadParams', 'updateEmail is for email-based projects') // words invented
  for (const [name, email] of Object.entries({ currentEmail, newEmail })) {
    if (email === undefined || project.isEmail(email)) continue
    return envelope(400, 'InvalidEmailAddressError', `Invalid ${name} ${email}`)
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

export const CHANGES: readonly Route[] = [
  route('POST users/updateEmail', ({ project, request }) => updateEmail(project, request)),
]
