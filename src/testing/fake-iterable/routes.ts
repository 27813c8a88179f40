import { type FakeAnswer, type FakeRequest, json } from './answer.js'
import type { Failing } from './bulk.js'
import { eventsOf, trackBulk, trackOne } from './events.js'
import { createList, deleteList, getLists, listSize, listUsers, subscribe, unsubscribe } from './lists.js'
import type { Project } from './project.js'
import { forget, forgottenOf, updateEmail } from './user-changes.js'
import { getFields, getUser, getUserById } from './user-reads.js'
import { bulkUpdate, update } from './users.js'

/** What a handler gets: the project, the request, the part of the path that varies, and which rows a script wants to fail. */
export interface Call {
  readonly project: Project
  readonly request: FakeRequest
  readonly part: string
  readonly failing: Failing
}

export interface Route {
  readonly method: string
  /** Below `/api/`. */
  readonly path: RegExp
  /** What rates, faults and counters call it. */
  readonly endpoint: string
  readonly answer: (call: Call) => FakeAnswer
}

const query = ({ path }: FakeRequest, name: string): string | null => new URLSearchParams(path.split('?')[1]).get(name)
const limit = (request: FakeRequest): number => Number(query(request, 'limit') ?? 30) // SW: default 30

/** The address under which somebody's things are kept: by email, or by userId. */
const named = ({ people }: Project, by: 'email' | 'userId', value: string): string => {
  const user = by === 'email' ? people.byEmail(value) : people.byUserId(value)
  return user === undefined ? (by === 'email' ? value.toLowerCase() : value) : people.addressOf(user)
}

type Given = Route['answer']
const get = (path: RegExp, endpoint: string, answer: Given): Route => ({ method: 'GET', path, endpoint, answer })
const post = (endpoint: string, answer: Given): Route => ({
  method: 'POST',
  path: new RegExp(`^${endpoint}$`),
  endpoint,
  answer,
})

/** Every endpoint of the fake. The first that fits is it, so that fixed names stand before names with a part. */
export const ROUTES: readonly Route[] = [
  get(/^users\/getFields$/, 'users/getFields', ({ project }) => getFields(project)),
  get(/^users\/getByEmail$/, 'users/getByEmail', ({ project, request }) =>
    getUser(project, query(request, 'email') ?? ''),
  ),
  get(/^users\/forgotten$/, 'users/forgotten', ({ project }) => forgottenOf(project, 'emails')),
  get(/^users\/forgottenUserIds$/, 'users/forgottenUserIds', ({ project }) => forgottenOf(project, 'userIds')),
  get(/^users\/byUserId\/([^/]+)$/, 'users/byUserId', ({ project, part }) => getUserById(project, part)),
  get(/^users\/([^/]+)$/, 'users/get', ({ project, part }) => getUser(project, part)),
  post('users/update', ({ project, request }) => update(project, request)),
  post('users/bulkUpdate', ({ project, request, failing }) => bulkUpdate(project, request, failing)),
  post('users/updateEmail', ({ project, request }) => updateEmail(project, request)),
  post('users/forget', ({ project, request }) => forget(project, request, 'forget')),
  post('users/unforget', ({ project, request }) => forget(project, request, 'unforget')),
  post('events/track', ({ project, request }) => trackOne(project, request)),
  post('events/trackBulk', ({ project, request, failing }) => trackBulk(project, request, failing)),
  get(/^events\/byUserId\/([^/]+)$/, 'events/byUserId', ({ project, request, part }) =>
    eventsOf(project, named(project, 'userId', part), limit(request)),
  ),
  get(/^events\/([^/]+)$/, 'events/get', ({ project, request, part }) =>
    eventsOf(project, named(project, 'email', part), limit(request)),
  ),
  get(/^lists$/, 'lists', ({ project }) => getLists(project)),
  {
    method: 'POST',
    path: /^lists$/,
    endpoint: 'lists/create',
    answer: ({ project, request }) => createList(project, request),
  },
  {
    method: 'DELETE',
    path: /^lists\/(\d+)$/,
    endpoint: 'lists/delete',
    answer: ({ project, part }) => deleteList(project, Number(part)),
  },
  post('lists/subscribe', ({ project, request, failing }) => subscribe(project, request, failing)),
  post('lists/unsubscribe', ({ project, request, failing }) => unsubscribe(project, request, failing)),
  get(/^lists\/getUsers$/, 'lists/getUsers', ({ project, request }) =>
    listUsers(project, query(request, 'listId') ?? ''),
  ),
  get(/^lists\/(\d+)\/size$/, 'lists/size', ({ project, part }) => listSize(project, Number(part))),
  get(/^channels$/, 'channels', () => json(200, { channels: [] })),
]
