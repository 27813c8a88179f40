import { readdirSync, readFileSync } from 'node:fs'
import { FakeIterable, type FakeIterableOptions } from '../../src/testing/index.js'

const GOLDEN = new URL('../golden/iterable/', import.meta.url)

/** What was recorded, or is written in the vendor's own description; `mark` says how sure that is. */
export interface Golden {
  readonly source: string
  readonly mark: 'source' | 'unsure' | 'invented'
  readonly status: number
  readonly body: never
}

export const goldenNames = (): readonly string[] =>
  readdirSync(GOLDEN).flatMap((name) => (name.endsWith('.json') ? [name.replace('.json', '')] : []))
export const golden = (name: string): Golden => JSON.parse(readFileSync(new URL(`${name}.json`, GOLDEN), 'utf8'))

/** Numbers of projects and lists are the account's own. */
export const named = (body: unknown): unknown =>
  JSON.parse(
    JSON.stringify(body)
      .replaceAll(/(Project|project:) (\d+|N)/g, '$1 #')
      .replaceAll(/"projectId":"\d+"/g, '"projectId":"#"')
      .replaceAll(/List \d+ in/g, 'List # in'),
  )

/** A fake and short ways to ask it. Keys, rates and clock as told; without rates unless told. */
export function project(options: Partial<FakeIterableOptions> = {}) {
  const fake = new FakeIterable({ projectType: 'email', rates: 'off', ...options })
  const call = async (method: string, path: string, body?: unknown, headers: object = { 'api-key': 'fake-key' }) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await fake.handle({
      method,
      path: `/api/${path}`,
      headers: headers as Record<string, string>,
      body: new TextEncoder().encode(body === undefined ? '' : text),
    })
    return { ...answer, json: parsed(answer.body) }
  }
  const post = (path: string, body: unknown) => call('POST', path, body)
  const get = (path: string) => call('GET', path)
  const bulk = (users: unknown[], more: object = {}) => post('users/bulkUpdate', { users, ...more })
  const track = (events: unknown[]) => post('events/trackBulk', { events })
  return { fake, call, post, get, bulk, track, ledger: fake.ledger }
}

/** The body as JSON, `undefined` for anything else. */
function parsed(body: string) {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

export const user = (email: string, dataFields: object = {}) => ({ email, dataFields })
export const A = 'a@example.com'
export const B = 'b@example.com'
