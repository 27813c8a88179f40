import type { Project } from './project.js'
import type { Failing } from './users/bulk.js'
import type { FakeAnswer, FakeRequest } from './wire/answer.js'

/** What a handler gets: the project, the request, the parts of the path that vary, and which rows a script wants to fail. */
export interface Call {
  readonly project: Project
  readonly request: FakeRequest
  /** Decoded, in the order of the path. */
  readonly parts: readonly string[]
  readonly failing: Failing
}

export interface Route {
  readonly method: string
  /** Below `/api/`. `{name}` is a part that varies, `{#name}` one that is a number. */
  readonly path: string
  /** What rates, faults and counters call it. */
  readonly endpoint: string
  readonly answer: (call: Call) => FakeAnswer
  /** The parts of a path below `/api/`; `undefined` if it is not of this route, or not well encoded. */
  readonly match: (below: string) => readonly string[] | undefined
}

export function route(
  how: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} ${string}`,
  answer: Route['answer'],
  endpoint?: string,
): Route {
  const [method = '', path = ''] = how.split(' ')
  const pattern = path.replaceAll('.', '\\.').replaceAll(/\{(#?)\w+\}/g, (_, digits) => (digits ? '(\\d+)' : '([^/]+)'))
  const whole = new RegExp(`^${pattern}$`)
  const match = (below: string) => {
    const found = whole.exec(below)
    return found === null ? undefined : decoded(found.slice(1))
  }
  return { method, path, endpoint: endpoint ?? path, answer, match }
}

function decoded(parts: readonly string[]): readonly string[] | undefined {
  try {
    return parts.map(decodeURIComponent)
  } catch {
    return undefined
  }
}

export const query = ({ path }: FakeRequest, name: string): string | undefined =>
  new URLSearchParams(path.split('?')[1]).get(name) ?? undefined
