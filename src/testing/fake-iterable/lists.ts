import type { JsonObject } from '../../model/value.js'
import type { FakeList } from './ledger.js'
import type { Project } from './project.js'
import { query, type Route, route } from './route.js'
import { BulkResult, type Failing } from './users/bulk.js'
import { USER } from './users/users.js'
import { envelope, type FakeAnswer, type FakeRequest, json, Refused, text } from './wire/answer.js'

/** GET /api/lists: newest first, not paged. Source: SW, GR. */
const getLists = (project: Project): FakeAnswer =>
  json(200, {
    lists: project.ledger.lists.map(({ members: _members, ...list }) => ({ ...list })).reverse(),
  })

/** POST /api/lists: always static; names need not be unique. Source: SW. */
function createList(project: Project, request: FakeRequest): FakeAnswer {
  const { name, description } = project.single(request, { name: 'string', description: 'string?' })
  const listId = project.addList(String(name), 'Standard', description ? { description: String(description) } : {})
  project.blindUntil.set(listId, project.now() + (project.options.newListBlindMs ?? 0))
  return json(200, { listId })
}

/** DELETE /api/lists/{id}. Source: VCR (both answers, 2017). */
function deleteList({ ledger, listsInUse }: Project, listId: number): FakeAnswer {
  const at = ledger.lists.findIndex(({ id }) => id === listId)
  if (at < 0) return envelope(400, 'BadParams', `Unable to delete list ${listId} in Project 1, which does not exist.`)
  if (listsInUse.has(listId)) return envelope(409, 'BadParams', `List ${listId} is in use`) // AE; words and code invented
  ledger.lists.splice(at, 1)
  return envelope(200, 'Success', `List ${listId} in Project 1 was successfully deleted.`)
}

/**
 * The list of a request. Unknown, and for a while one that was just made: 400 with code Success.
 * Source: AC `tests/unit/error-handling.test.ts` (body), AC `retryOnInvalidListId` (new lists), reference 1.4.
 */
function found(project: Project, listId: unknown): FakeList {
  const list = project.ledger.lists.find(({ id }) => id === listId)
  if (list === undefined || project.now() < (project.blindUntil.get(list.id) ?? 0)) {
    throw new Refused(envelope(400, 'Success', `error.lists.invalidListId(${listId})`, { listId: Number(listId) }))
  }
  return list
}

/**
 * POST /api/lists/subscribe: creates people, and writes the fields that go along. Source: SW `SubscribeRequest`
 * (`updateExistingUsersOnly` counts outside email projects only; SW has no `createNewFields` here), VCR (nobody: zeros).
 */
function subscribe(project: Project, request: FakeRequest, failing: Failing): FakeAnswer {
  const check = project.check(request)
  check.fields(check.body, { listId: 'long', updateExistingUsersOnly: 'boolean?' })
  const rows = check.rows('subscribers', USER)
  check.end()
  project.requireIdentifiers(rows)
  const list = found(project, check.body.listId)
  const typed = project.typeUsers(rows, undefined, true)
  const onlyKnown = check.body.updateExistingUsersOnly === true && !project.byEmail
  const result = new BulkResult()
  for (const [at, row] of rows.entries()) {
    const claim = project.judge(row, failing)
    if ('refused' in claim) result.fail(claim)
    else if (onlyKnown && claim.user === undefined) result.fail(project.notFound(claim))
    else if (typed.wrong.has(at)) result.fail(project.invalidData(claim))
    else {
      const hasFields = Object.keys((row.dataFields ?? {}) as object).length > 0
      const done = hasFields ? project.write(row, claim, { endpoint: 'lists/subscribe', typed, at }) : NOTHING
      const { address } = hasFields ? { address: project.people.addressOf(claim) } : project.join(claim, 'ListAPI')
      if (project.takesMembers(list.listType)) list.members.add(address)
      note(project, list, { address, kind: 'subscribe', more: {} })
      result.wrote(done)
    }
  }
  return result.ofUsers(project.unsure)
}

/** POST /api/lists/unsubscribe: who is not on the list leaves with success. Source: SW, GR. */
function unsubscribe(project: Project, request: FakeRequest, failing: Failing): FakeAnswer {
  const check = project.check(request)
  check.fields(check.body, { listId: 'long', channelUnsubscribe: 'boolean?', campaignId: 'long?' })
  const rows = check.rows('subscribers', { email: 'string?', userId: 'string?' })
  check.end()
  project.requireIdentifiers(rows)
  const list = found(project, check.body.listId)
  const more = check.body.channelUnsubscribe === true ? { channelUnsubscribe: true } : {}
  const result = new BulkResult()
  for (const row of rows) {
    const claim = project.judge(row, failing)
    if ('refused' in claim) result.fail(claim)
    else if (claim.user === undefined && project.unsure.unsubscribeUnknown === 'notFound') {
      result.fail(project.notFound(claim))
    } else {
      const address = project.people.addressOf(claim.user ?? claim)
      if (project.takesMembers(list.listType)) list.members.delete(address)
      note(project, list, { address, kind: 'unsubscribe', more })
      result.wrote(NOTHING)
    }
  }
  return result.ofUsers(project.unsure)
}

const NOTHING = { created: [], filtered: [] }

function note(
  project: Project,
  { id, name }: FakeList,
  { address, kind, more }: { address: string; kind: 'subscribe' | 'unsubscribe'; more: JsonObject },
): void {
  project.applied({ address, kind, endpoint: `lists/${kind}`, detail: { listId: id, list: name, ...more } })
}

/**
 * GET /api/lists/getUsers: one address a line. Source: EST, SW; unknown list: VCR (2017, its params are text).
 * The order is not deterministic there (EST); here it is one that nobody takes for an order: by the address backwards.
 */
function listUsers(project: Project, request: FakeRequest): FakeAnswer {
  const lines = linesOf(project, request)
  return Array.isArray(lines) ? text(200, lines.join('')) : (lines as FakeAnswer)
}

/** Source: SW (up to 5,000, 1,000 if nothing is said), AC (one a line); what more than that gets is invented. */
const PREVIEW_MAX = 5_000
const PREVIEW = 1_000

/** GET /api/lists/previewUsers: some of them. Which ones is random there; here it is always the same. Source: SW, AC. */
function previewUsers(project: Project, request: FakeRequest): FakeAnswer {
  const size = Number(query(request, 'size') ?? PREVIEW)
  if (!Number.isInteger(size) || size < 1 || size > PREVIEW_MAX) return envelope(400, 'BadParams', 'Invalid size')
  const lines = linesOf(project, request)
  return Array.isArray(lines) ? text(200, lines.slice(0, size).join('')) : (lines as FakeAnswer)
}

/** People by email or by userId where a project has both: as `preferUserId` says. Source: SW. */
function linesOf(project: Project, request: FakeRequest): readonly string[] | FakeAnswer {
  const listId = query(request, 'listId') ?? ''
  const list = project.ledger.lists.find(({ id }) => String(id) === listId)
  if (list === undefined) return envelope(400, 'BadParams', 'Invalid email list id', { projectId: '1', listId })
  const preferUserId = query(request, 'preferUserId') === 'true'
  const backwards = (address: string) => [...address].reverse().join('')
  const order = new Intl.Collator('en').compare
  const members = [...project.visible.members(list.id)].sort((a, b) => order(backwards(a), backwards(b)))
  return members.map((address) => {
    const { email, userId } = project.ledger.user(address) ?? {}
    const named = project.byEmail ? address : preferUserId ? (userId ?? email) : (email ?? userId)
    return `${named ?? address}\n`
  })
}

/** GET /api/lists/{id}/size. Source: SW (a number as text). */
const listSize = (project: Project, listId: number): FakeAnswer =>
  text(200, String(project.visible.members(listId).length))

export const LISTS: readonly Route[] = [
  route('GET lists', ({ project }) => getLists(project)),
  route('POST lists', ({ project, request }) => createList(project, request), 'lists/create'),
  route('DELETE lists/{#id}', ({ project, parts: [id] }) => deleteList(project, Number(id)), 'lists/delete'),
  route('POST lists/subscribe', ({ project, request, failing }) => subscribe(project, request, failing)),
  route('POST lists/unsubscribe', ({ project, request, failing }) => unsubscribe(project, request, failing)),
  route('GET lists/getUsers', ({ project, request }) => listUsers(project, request)),
  route('GET lists/previewUsers', ({ project, request }) => previewUsers(project, request)),
  route('GET lists/{#id}/size', ({ project, parts: [id] }) => listSize(project, Number(id)), 'lists/size'),
]
