import type { JsonObject } from '../../../model/value.js'
import type { Project } from '../project.js'
import { query } from '../route.js'
import { dateTime } from '../users/user-reads.js'
import { envelope, type FakeAnswer, type FakeRequest, json, Refused, text } from '../wire/answer.js'
import type { ExportJob } from './jobs.js'
import { csv, jsonLines } from './lines.js'

/** Source: EST `MAX_FILES_PER_PAGE`. */
const FILES_PER_PAGE = 10
/** Source: SW, EST. */
const URL_LASTS_MS = 30 * 60_000
/** Rows of a file unless told; there, 10 MB (SW). */
const ROWS_PER_FILE = 1_000

/** Where files lie: outside of `/api/`, and without a key. */
const FILES_PATH = /^\/export-files\/(\d+)\/([^/?]+)\?expires=(\d+)$/

export function jobOf({ exports }: Project, id: string | undefined): ExportJob {
  const job = exports.jobs.find((one) => one.id === Number(id))
  if (job === undefined) throw new Refused(envelope(400, 'BadParams', `Unknown export job ${id}`)) // invented
  return job
}

interface File {
  readonly file: string
  readonly rows: readonly JsonObject[]
}

/** All files of a job, by name; as many as it has written by now. */
function filesOf(project: Project, job: ExportJob): readonly File[] {
  const size = project.options.exportRowsPerFile ?? ROWS_PER_FILE
  const ending = job.isCsv ? 'csv' : 'json'
  const all = Array.from({ length: Math.ceil(job.rows.length / size) }, (_, at) => ({
    file: `file-${String(at).padStart(6, '0')}.${ending}`,
    rows: job.rows.slice(at * size, (at + 1) * size),
  }))
  return all.slice(0, Math.floor(all.length * project.exports.progress(job)))
}

/** GET /api/export/{job}/files: ten at a time, each with an address that expires. Source: SW, EST. */
export function listFiles(project: Project, request: FakeRequest, id: string | undefined): FakeAnswer {
  const job = jobOf(project, id)
  const after = query(request, 'startAfter')
  const host = request.headers.host ?? 'localhost'
  const scheme = /^(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(host) ? 'http' : 'https'
  const expires = project.now() + URL_LASTS_MS
  const files = filesOf(project, job)
    .filter(({ file }) => after === undefined || file > after)
    .slice(0, FILES_PER_PAGE)
    .map(({ file }) => ({ file, url: `${scheme}://${host}/export-files/${job.id}/${file}?expires=${expires}` }))
  const exportTruncated = job.rows.length > (project.options.exportRowsMax ?? Number.POSITIVE_INFINITY)
  return json(200, { jobId: job.id, jobState: project.exports.state(job), exportTruncated, files })
}

/** What a store of files answers below `/export-files/`; `undefined` for other paths. A request that carries a key is refused, so that a test sees it (invented). */
export function download(project: Project, { method, path, headers }: FakeRequest): FakeAnswer | undefined {
  const [, id, name, expires] = FILES_PATH.exec(path) ?? []
  if (id === undefined || method !== 'GET') return undefined
  if (headers['api-key'] !== undefined || headers.api_key !== undefined) return text(400, 'A key has no place here')
  if (Number(expires) <= project.now()) return text(403, '<Message>Request has expired</Message>', 'application/xml')
  const job = project.exports.jobs.find((one) => one.id === Number(id))
  const found = job && filesOf(project, job).find(({ file }) => file === name)
  if (job === undefined || found === undefined) return text(404, '<Code>NoSuchKey</Code>', 'application/xml')
  return job.isCsv
    ? text(200, csv(found.rows, job.delimiter), 'text/csv')
    : text(200, jsonLines(project, found.rows), 'application/x-json-stream')
}

/** Source: SW (names), AC (states in lower case). */
export function describedJob(project: Project, job: ExportJob): JsonObject {
  const { id, dataTypeName, madeAt, endsAt, rows } = job
  const jobState = project.exports.state(job)
  const isOver = jobState === 'completed'
  const bytes = isOver ? { bytesExported: Buffer.byteLength(jsonLines(project, rows)), endTime: dateTime(endsAt) } : {}
  return { id, dataTypeName, jobState, scheduledStartTime: dateTime(madeAt), ...bytes }
}
