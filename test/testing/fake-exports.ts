import type { FakeIterableOptions } from '../../src/testing/index.js'
import { A, project } from './fake-project.js'

export const NOW = Date.UTC(2026, 10, 20, 12)
export const S = NOW / 1_000
export const MINUTE = 60_000

/** A project at noon of 20 November 2026, with a clock that can be moved, and short ways to its exports. */
export function exports(options: Partial<FakeIterableOptions> = {}) {
  const clock = { ms: NOW }
  const made = project({ now: () => clock.ms, ...options })
  const lines = async (query: string) => rows((await made.get(`export/data.json?${query}`)).body)
  const start = (more: object = {}) =>
    made.post('export/start', { dataTypeName: 'emailOpen', outputFormat: 'application/x-json-stream', ...more })
  const files = async (id: number, more = '') => (await made.get(`export/${id}/files${more}`)).json
  const open = (createdAt: number, fields: object = {}, lateMs = 0) =>
    made.fake.happened({ dataType: 'emailOpen', createdAt, lateMs, fields: { email: A, ...fields } as never })
  const download = (url: string, headers: Record<string, string> = {}) => {
    const { pathname, search } = new URL(url)
    return made.fake.handle({ method: 'GET', path: pathname + search, headers, body: new Uint8Array() })
  }
  return { ...made, clock, lines, start, files, open, download }
}
export const rows = (body: string) =>
  body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
