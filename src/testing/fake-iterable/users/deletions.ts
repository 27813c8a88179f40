import type { FakeUser } from '../ledger.js'
import type { Project } from '../project.js'
import { type Route, route } from '../route.js'
import { envelope, type FakeAnswer, type FakeRequest } from '../wire/answer.js'
import { isUserId } from './identifiers.js'
import { refusedOne } from './users.js'

/** Accepted at once, done after `deletesAfterMs`; who is deleted may come back meanwhile and after. Source: SW. */
function remove(project: Project, users: readonly FakeUser[], kind: 'delete' | 'forget', endpoint: string): void {
  project.later(() => {
    for (const user of users) {
      const address = project.people.addressOf(user)
      if (project.ledger.user(address) !== user) continue
      project.people.remove(user)
      project.applied({ address, kind, endpoint })
    }
  })
}

/** DELETE /api/users/{email}: success also for who is unknown (GR); not in userId projects (SW); malformed: VCR (2017). */
function deleteByEmail(project: Project, email: string): FakeAnswer {
  if (project.options.projectType === 'userId')
    return envelope(400, 'BadParams', 'Not for projects that identify by userId') // words invented
  if (!project.isEmail(email)) return envelope(400, 'InvalidEmailAddressError', `Invalid email: ${email}`)
  const user = project.people.byEmail(email)
  if (user !== undefined) remove(project, [user], 'delete', 'users/delete')
  return envelope(200, 'Success', '')
}

/** DELETE /api/users/byUserId/{userId}: everybody who has it. Source: VCR (2017), RT (unknown, newer words). */
function deleteById(project: Project, userId: string): FakeAnswer {
  const users = project.people.allByUserId(userId)
  const is2017 = project.unsure.unknownUserId === '2017'
  if (users.length === 0 && is2017) return envelope(400, 'BadParams', `No users with userId ${userId} exist`)
  if (users.length === 0) return envelope(400, 'BadParams', `User does not exist. Email:  UserId: ${userId}`)
  remove(project, users, 'delete', 'users/byUserId/delete')
  return envelope(200, 'Success', `All users associated with ${userId} were successfully deleted`)
}

/**
 * POST /api/users/forget and unforget: blocks at once, and deletes within ten minutes (`deletesAfterMs`).
 * Source: SW, HC-360029174171; by what: HC-9216719179796 (words invented); a malformed email: VCR (2021). That writes are blocked at once is unsure.
 */
function forget(project: Project, request: FakeRequest, kind: 'forget' | 'unforget'): FakeAnswer {
  const body = project.single(request, { email: 'string?', userId: 'string?' })
  project.requireIdentifiers([body])
  const { email, userId = '' } = body as Record<string, string | undefined>
  const own = { email: email !== undefined, userId: userId !== '', hybrid: true }[project.options.projectType]
  if (!own) return envelope(400, 'BadParams', `Users of this project are forgotten by ${project.options.projectType}`)
  if (email !== undefined && !project.isEmail(email))
    return refusedOne(project, { refused: 'invalidEmails', echo: email })
  if (email === undefined && !isUserId(userId)) return refusedOne(project, { refused: 'invalidUserIds', echo: userId })
  const named = (email ?? userId).toLowerCase()
  const user = project.people.find({ email, userId })
  if (kind === 'unforget') project.forgotten.delete(named)
  else project.forgotten.add(named)
  if (kind === 'forget' && user !== undefined) remove(project, [user], 'forget', 'users/forget')
  else project.applied({ address: project.people.addressFor({ email, userId }), kind, endpoint: `users/${kind}` })
  return envelope(200, 'Success', '')
}

export const DELETIONS: readonly Route[] = [
  route('POST users/forget', ({ project, request }) => forget(project, request, 'forget')),
  route('POST users/unforget', ({ project, request }) => forget(project, request, 'unforget')),
  route(
    'DELETE users/byUserId/{userId}',
    ({ project, parts: [userId = ''] }) => deleteById(project, userId),
    'users/byUserId/delete',
  ),
  route('DELETE users/{email}', ({ project, parts: [email = ''] }) => deleteByEmail(project, email), 'users/delete'),
]
