import { envelope, type FakeAnswer, json, Refused, text } from './answer.js'
import { BodyCheck } from './body-check.js'
import type { FakeList } from './ledger.js'
import { bulkAnswer, type FailureList, type Project } from './project.js'

/** GET /api/lists: newest first, not paged. Source: SW, GR. */
export const getLists = (project: Project): FakeAnswer =>
  json(200, {
    lists: project.ledger.lists
      .map(({ id, name, listType, createdAt }) => ({ id, name, listType, createdAt }))
      .reverse(),
  })

/** POST /api/lists: always static; names need not be unique. Source: SW. */
export function createList(project: Project, bytes: Uint8Array): FakeAnswer {
  const check = new BodyCheck('/api/lists', bytes)
  check.fields(check.body, { name: 'string', description: 'string?' })
  check.end()
  return json(200, { listId: project.addList(String(check.body.name), 'Standard', project.now()) })
}

/**
 * The list of a request. Unknown, and for a while one that was just made: 400 with code Success.
 * Source: AC `tests/unit/error-handling.test.ts` (body), AC `retryOnInvalidListId` (new lists), reference 1.4.
 */
function found(project: Project, listId: unknown): FakeList {
  const list = project.ledger.lists.find(({ id }) => id === listId)
  const blindMs = project.options.newListBlindMs ?? 0
  if (list === undefined || project.now() - list.createdAt < blindMs) {
    throw new Refused(envelope(400, 'Success', `error.lists.invalidListId(${listId})`, { listId: Number(listId) }))
  }
  return list
}

/** POST /api/lists/subscribe and unsubscribe. Source: SW `SubscribeRequest`, GR (a non-member leaves with success). */
export function changeMembers(
  project: Project,
  bytes: Uint8Array,
  kind: 'subscribe' | 'unsubscribe',
  failing: ReadonlyMap<string, FailureList>,
): FakeAnswer {
  const endpoint = `lists/${kind}`
  const check = new BodyCheck(`/api/${endpoint}`, bytes)
  const flags =
    kind === 'subscribe'
      ? { updateExistingUsersOnly: 'boolean?' }
      : { channelUnsubscribe: 'boolean?', campaignId: 'long?' }
  check.fields(check.body, { listId: 'long', ...(flags as Record<string, 'boolean?' | 'long?'>) })
  const rows = check.rows('subscribers', {
    email: 'string?',
    userId: 'string?',
    dataFields: 'object?',
    preferUserId: 'boolean?',
    mergeNestedObjects: 'boolean?',
  })
  check.end()
  if (rows.length > 0) project.requireIdentifiers(rows)
  const list = found(project, check.body.listId)
  const failures: [FailureList, string][] = []
  let successCount = 0
  for (const row of rows) {
    const named = project.name(row)
    const forced = 'address' in named ? failing.get(named.address) : undefined
    if ('refused' in named) failures.push([named.refused, named.echo])
    else if (forced !== undefined) failures.push([forced, named.address])
    else {
      change(project, list, kind, named.address)
      successCount += 1
    }
  }
  return bulkAnswer(successCount, failures, {
    createdFields: [],
    filteredOutFields: [],
    noOpEmails: [],
    noOpUserIds: [],
  })
}

/** A dynamic list answers success and keeps its rule (VCR 2017 list 58508; no effect: unsure). */
function change(project: Project, list: FakeList, kind: 'subscribe' | 'unsubscribe', address: string): void {
  if (kind === 'subscribe') project.person(address)
  if (list.listType === 'Standard' && kind === 'subscribe') list.members.add(address)
  if (list.listType === 'Standard' && kind === 'unsubscribe') list.members.delete(address)
  project.ledger.note({ address, kind, endpoint: `lists/${kind}`, detail: { listId: list.id, list: list.name } })
}

/** GET /api/lists/getUsers: one address a line. Source: EST, SW; unknown list: reference 3.4. */
export function listUsers(project: Project, listId: number): FakeAnswer {
  const list = project.ledger.lists.find(({ id }) => id === listId)
  if (list === undefined) return envelope(400, 'BadParams', 'Invalid email list id')
  return text(200, [...list.members].map((address) => `${address}\n`).join(''))
}

/** GET /api/lists/{id}/size. Source: SW (a number as text). */
export const listSize = (project: Project, listId: number): FakeAnswer =>
  text(200, String(project.ledger.members(listId).length))
