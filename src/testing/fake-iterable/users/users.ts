import type { Project } from '../project.js'
import { type Route, route } from '../route.js'
import { envelope, type FakeAnswer, type FakeRequest } from '../wire/answer.js'
import type { Rules } from '../wire/body-check.js'
import { BulkResult, type Failing, type FailureList, type RefusedRow } from './bulk.js'

/** One person of a request. Source: SW `ApiUserUpdateRequest`. */
export const USER: Rules = {
  email: 'string?',
  userId: 'string?',
  dataFields: 'object?',
  preferUserId: 'boolean?',
  mergeNestedObjects: 'boolean?',
}

/** POST /api/users/bulkUpdate. Source: SW `BulkUpdateUsersRequest`; reference 3.1. Rows are applied in their order, or backwards (unsure). */
function bulkUpdate(project: Project, request: FakeRequest, failing: Failing): FakeAnswer {
  const check = project.check(request)
  check.fields(check.body, { createNewFields: 'boolean?', updateOnly: 'boolean?' })
  const rows = check.rows('users', USER)
  check.end()
  if (rows.length === 0) return envelope(400, 'InvalidEmailAddressError', 'Emails invalid: ') // VCR 2017
  project.requireIdentifiers(rows)
  const typed = project.typeUsers(rows, check.body.createNewFields, true)
  const onlyKnown = check.body.updateOnly === true && project.unsure.updateOnly === 'honoured' // SEG PR 3617
  const result = new BulkResult()
  const numbered = [...rows.entries()]
  for (const [at, row] of project.unsure.rowsOfOne === 'last' ? numbered : numbered.reverse()) {
    const claim = project.judge(row, failing)
    if ('refused' in claim) result.fail(claim)
    else if (onlyKnown && claim.user === undefined) result.noOp(project.people.addressOf(claim))
    else if (typed.wrong.has(at)) result.fail(project.invalidData(claim))
    else {
      const before = JSON.stringify(claim.user)
      const wrote = project.write(row, claim, { endpoint: 'users/bulkUpdate', typed, at })
      const isSame = before !== undefined && before === JSON.stringify(claim.user)
      if (isSame && project.unsure.unchanged === 'noOp') result.noOp(project.people.addressOf(claim.user ?? claim))
      else result.wrote(wrote)
    }
  }
  return result.ofUsers(project.unsure)
}

/** POST /api/users/update: the same for one, in the single envelope. Source: SW `ApiUserUpdateRequest`, GR. */
function update(project: Project, request: FakeRequest): FakeAnswer {
  const body = project.single(request, { ...USER, createNewFields: 'boolean?' })
  project.requireIdentifiers([body])
  const claim = project.judge(body)
  if ('refused' in claim) return refusedOne(project, claim)
  const typed = project.typeUsers([body], body.createNewFields)
  project.write(body, claim, { endpoint: 'users/update', typed, at: 0 })
  return envelope(200, 'Success', '')
}

/** What each list of a bulk answer is called alone. Source: SW enum `IterableApiResponse.code`. */
const CODE: Readonly<Record<FailureList, string>> = {
  invalidEmails: 'InvalidEmailAddressError',
  invalidUserIds: 'InvalidUserIdError',
  notFoundEmails: 'UnknownEmailError',
  notFoundUserIds: 'UnknownUserIdError',
  invalidDataEmails: 'BadParams',
  invalidDataUserIds: 'BadParams',
  conflictEmails: 'EmailAlreadyExists',
  conflictUserIds: 'UserIdAlreadyExists',
  forgottenEmails: 'ForgottenUserError',
  forgottenUserIds: 'ForgottenUserError',
}

/** A row that is refused, as the whole answer. Source: VCR, GR ("Invalid email: x"); the other words are invented. */
export function refusedOne({ unsure }: Project, { refused, echo }: RefusedRow): FakeAnswer {
  const status = refused.startsWith('forgotten') ? unsure.forgottenStatus : refused.startsWith('conflict') ? 409 : 400
  const msg = refused === 'invalidEmails' ? `Invalid email: ${echo}` : `${CODE[refused]}: ${echo}`
  return envelope(status, CODE[refused], msg)
}

export const UPDATES: readonly Route[] = [
  route('POST users/update', ({ project, request }) => update(project, request)),
  route('POST users/bulkUpdate', ({ project, request, failing }) => bulkUpdate(project, request, failing)),
]
