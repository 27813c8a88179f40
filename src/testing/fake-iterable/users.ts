import type { JsonObject } from '../../model/value.js'
import { envelope, type FakeAnswer, json, text } from './answer.js'
import { BodyCheck, type Rules } from './body-check.js'
import { storedEmail } from './identifiers.js'
import { bulkAnswer, type FailureList, type Project } from './project.js'

const USER: Rules = {
  email: 'string?',
  userId: 'string?',
  dataFields: 'object?',
  preferUserId: 'boolean?',
  mergeNestedObjects: 'boolean?',
}

/** POST /api/users/bulkUpdate. Source: SW `BulkUpdateUsersRequest`; reference 3.1. */
export function bulkUpdate(project: Project, bytes: Uint8Array, failing: ReadonlyMap<string, FailureList>): FakeAnswer {
  const check = new BodyCheck('/api/users/bulkUpdate', bytes)
  check.fields(check.body, { createNewFields: 'boolean?', updateOnly: 'boolean?' })
  const rows = check.rows('users', USER)
  check.end()
  if (rows.length === 0) return envelope(400, 'InvalidEmailAddressError', 'Emails invalid: ') // VCR 2017
  project.requireIdentifiers(rows)
  const fresh = project.typed(rows.map((row) => (row.dataFields ?? {}) as JsonObject))
  const create = (check.body.createNewFields ?? project.options.createNewFields ?? true) === true
  const { created, filtered } = project.admit(fresh, create)
  const failures: [FailureList, string][] = []
  let successCount = 0
  for (const row of rows) {
    const named = project.name(row)
    const forced = 'address' in named ? failing.get(named.address) : undefined
    if ('refused' in named) failures.push([named.refused, named.echo])
    else if (forced !== undefined) failures.push([forced, named.address])
    else {
      project.write(row, named.address, 'users/bulkUpdate', { filtered, nested: row.mergeNestedObjects === true })
      successCount += 1
    }
  }
  return bulkAnswer(successCount, failures, { createdFields: created, filteredOutFields: filtered })
}

/** POST /api/users/update: the same for one, in the single envelope. Source: SW `ApiUserUpdateRequest`, GR. */
export function update(project: Project, bytes: Uint8Array): FakeAnswer {
  const check = new BodyCheck('/api/users/update', bytes)
  check.fields(check.body, { ...USER, createNewFields: 'boolean?' })
  check.end()
  project.requireIdentifiers([check.body])
  const named = project.name(check.body)
  if ('refused' in named) return refusedOne(named.refused, named.echo)
  const fresh = project.typed([(check.body.dataFields ?? {}) as JsonObject])
  const create = (check.body.createNewFields ?? project.options.createNewFields ?? true) === true
  const { filtered } = project.admit(fresh, create)
  project.write(check.body, named.address, 'users/update', { filtered, nested: check.body.mergeNestedObjects === true })
  return envelope(200, 'Success', '')
}

const CODE: Partial<Record<FailureList, string>> = {
  invalidEmails: 'InvalidEmailAddressError',
  invalidUserIds: 'InvalidUserIdError',
  forgottenEmails: 'ForgottenUserError',
  forgottenUserIds: 'ForgottenUserError',
  notFoundUserIds: 'UnknownUserIdError',
  notFoundEmails: 'UnknownEmailError',
}

/** Source: VCR, GR ("Invalid email: x"), SW enum. */
export const refusedOne = (list: FailureList, echo: string): FakeAnswer =>
  envelope(400, CODE[list] ?? 'BadParams', list === 'invalidEmails' ? `Invalid email: ${echo}` : `${list}: ${echo}`)

/** POST /api/users/updateEmail. Source: SW; unknown user: GR (February 2021); taken address: SW enum `EmailAlreadyExists`. */
export function updateEmail(project: Project, bytes: Uint8Array): FakeAnswer {
  const check = new BodyCheck('/api/users/updateEmail', bytes)
  check.fields(check.body, { currentEmail: 'string?', currentUserId: 'string?', newEmail: 'string' })
  check.end()
  const { currentEmail, currentUserId, newEmail } = check.body as Record<string, string>
  const { people, lists } = project.ledger
  const current =
    currentEmail?.toLowerCase() ?? [...people].find(([, { userId }]) => userId === currentUserId)?.[0] ?? ''
  const next = storedEmail(newEmail ?? '')
  if (!project.byEmail) return envelope(400, 'BadParams', 'updateEmail is for email-based projects')
  if (next === undefined) return envelope(400, 'InvalidEmailAddressError', `Invalid newEmail ${newEmail}`)
  if (project.forgotten.has(next)) return envelope(400, 'ForgottenUserError', 'The user was forgotten')
  const user = people.get(current)
  if (user === undefined) {
    return envelope(400, 'BadParams', `Cannot change user Some(${current}) to ${next}. User does not exist`)
  }
  if (people.has(next)) return envelope(400, 'EmailAlreadyExists', 'The new email is in use')
  people.delete(current)
  people.set(next, { ...user, email: next })
  for (const { members } of lists) if (members.delete(current)) members.add(next)
  project.ledger.note({ address: next, kind: 'updateEmail', endpoint: 'users/updateEmail', detail: { from: current } })
  return envelope(200, 'Success', '')
}

/** POST /api/users/forget. Source: SW, HC-360029174171. */
export function forget(project: Project, bytes: Uint8Array): FakeAnswer {
  const check = new BodyCheck('/api/users/forget', bytes)
  check.fields(check.body, { email: 'string?', userId: 'string?' })
  check.end()
  project.requireIdentifiers([check.body])
  const address = String(check.body.email ?? check.body.userId).toLowerCase()
  project.forgotten.add(address)
  project.ledger.people.delete(address)
  for (const { members } of project.ledger.lists) members.delete(address)
  project.ledger.note({ address, kind: 'forget', endpoint: 'users/forget' })
  return envelope(200, 'Success', '')
}

/** GET /api/users/getFields. Nested fields stand beside their parents as dotted paths. Source: GR. */
export const getFields = (project: Project): FakeAnswer => json(200, { fields: Object.fromEntries(project.fields) })

/** A user, or `{}` for one that is unknown. Source: GR. */
export function getUser(project: Project, address: string): FakeAnswer {
  const user = project.ledger.people.get(project.byEmail ? address.toLowerCase() : address)
  return json(200, user === undefined ? {} : { user })
}

/** Unknown by userId: 400. Source: GO (`error.users.noUserWithIdExists`), VCR. */
export function getUserById(project: Project, userId: string): FakeAnswer {
  const user = project.ledger.users().find((one) => one.userId === userId)
  return user === undefined ? text(400, 'error.users.noUserWithIdExists') : json(200, { user })
}
