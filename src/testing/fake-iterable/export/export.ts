import type { JsonObject } from '../../../model/value.js'
import type { Project } from '../project.js'
import { query, type Route, route } from '../route.js'
import { dateTime } from '../users/user-reads.js'
import { envelope, type FakeAnswer, type FakeRequest, json, text } from '../wire/answer.js'
import { describedJob, jobOf, listFiles } from './files.js'
import { csv, jsonLines, type Wanted, wantedRows } from './lines.js'
import { rowsOf } from './rows.js'

const STREAM = 'application/x-json-stream'

const asked = ({ path }: FakeRequest): Wanted => Object.fromEntries(new URLSearchParams(path.split('?')[1]))

/** GET /api/export/data.json. Source: SW (its type; text/plain in 2017: VCR). */
const dataJson = (project: Project, request: FakeRequest): FakeAnswer =>
  text(200, jsonLines(project, wantedRows(project, asked(request))), STREAM)

/** GET /api/export/data.csv. Source: VCR (2017). */
function dataCsv(project: Project, request: FakeRequest): FakeAnswer {
  const wanted = asked(request)
  const answer = text(200, csv(wantedRows(project, wanted), wanted.delimiter), 'text/csv')
  const disposition = `attachment; filename="${wanted.dataTypeName}.csv"`
  return { ...answer, headers: { ...answer.headers, 'content-disposition': disposition } }
}

/** POST /api/export/start. Source: SW. The rows are those of the moment in which it is asked for (unsure). */
function start(project: Project, request: FakeRequest): FakeAnswer {
  const texts = { startDateTime: 'string?', endDateTime: 'string?', delimiter: 'string?' } as const
  const more = { omitFields: 'string?', onlyFields: 'string?', campaignId: 'long?' } as const
  const body = project.single(request, { dataTypeName: 'string', outputFormat: 'string', ...texts, ...more })
  if (body.outputFormat !== STREAM && body.outputFormat !== 'text/csv')
    return envelope(400, 'BadParams', `Unknown outputFormat ${body.outputFormat}`) // words invented
  const given = Object.entries(body).filter(([, value]) => value !== null)
  const wanted: Wanted = Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
  const rows = wantedRows(project, wanted, { isOpen: true })
  const isCsv = body.outputFormat === 'text/csv'
  const { dataTypeName = '', delimiter = ',' } = wanted
  return json(200, { jobId: project.exports.start({ dataTypeName, isCsv, delimiter, rows }).id })
}

/** DELETE /api/export/{job}: first cancelling, then cancelled. Source: SW, AC. */
function cancel(project: Project, id: string | undefined): FakeAnswer {
  project.exports.cancel(jobOf(project, id).id)
  return envelope(200, 'Success', '')
}

/** GET /api/export/jobs. Source: SW. */
function jobs(project: Project, request: FakeRequest): FakeAnswer {
  const state = query(request, 'jobState')
  const all = project.exports.jobs.map((job) => describedJob(project, job))
  return json(200, { jobs: all.filter(({ jobState }) => state === undefined || jobState === state) })
}

/** GET /api/export/userEvents: everything of one person, with the time at which it was indexed. Source: SW, AB, reference 6.5. */
function userEvents(project: Project, request: FakeRequest): FakeAnswer {
  const [email, userId] = [query(request, 'email'), query(request, 'userId')]
  project.requireIdentifiers([{ ...(email && { email }), ...(userId && { userId }) }])
  const isTheirs = (row: JsonObject) =>
    email === undefined ? row.userId === userId : String(row.email).toLowerCase() === email.toLowerCase()
  const custom = query(request, 'includeCustomEvents') === 'true' ? ['customEvent'] : []
  const types = [...new Set(project.ledger.happenings.map(({ dataType }) => dataType)), 'purchase', ...custom]
  const rows = types.flatMap((type) =>
    rowsOf(project, type)
      .filter(({ row }) => isTheirs(row))
      .map(({ at, indexedAt, row }) => {
        const documentCreatedAt = dateTime(indexedAt ?? at)
        const itblInternal = { documentCreatedAt, documentUpdatedAt: documentCreatedAt }
        return { _type: type, itblInternal, ...row }
      }),
  )
  return text(200, jsonLines(project, rows), STREAM)
}

export const EXPORT: readonly Route[] = [
  route('GET export/data.json', ({ project, request }) => dataJson(project, request)),
  route('GET export/data.csv', ({ project, request }) => dataCsv(project, request)),
  route('GET export/userEvents', ({ project, request }) => userEvents(project, request)),
  route('GET export/jobs', ({ project, request }) => jobs(project, request)),
  route('POST export/start', ({ project, request }) => start(project, request)),
  route(
    'GET export/{#job}/files',
    ({ project, request, parts: [id] }) => listFiles(project, request, id),
    'export/files',
  ),
  route('DELETE export/{#job}', ({ project, parts: [id] }) => cancel(project, id), 'export/cancel'),
]
