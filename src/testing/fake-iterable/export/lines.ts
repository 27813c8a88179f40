import type { Json, JsonObject } from '../../../model/value.js'
import { dateOf } from '../fields/field-types.js'
import type { Project } from '../project.js'
import { envelope, Refused } from '../wire/answer.js'
import { dataTypeNamed, rowsOf } from './rows.js'

/** What is asked of an export; of a query and of a body alike. */
export type Wanted = Readonly<Record<string, string | undefined>>

const refuse = (msg: string): never => {
  throw new Refused(envelope(400, 'BadParams', msg)) // all words here are invented
}

const DAY_MS = 86_400_000

/** From when until when, in ms; the end is not in it. Source: SW (named ranges in UTC); without an offset: UTC (derived). */
function span(
  project: Project,
  { range, startDateTime, endDateTime }: Wanted,
  isOpen: boolean,
): readonly [number, number] {
  const today = Math.floor(project.now() / DAY_MS) * DAY_MS
  if (range === 'Today') return [today, today + DAY_MS]
  if (range === 'Yesterday') return [today - DAY_MS, today]
  if (range === 'BeforeToday') return [Number.NEGATIVE_INFINITY, today]
  if (range === 'All') return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  if (range !== undefined) refuse(`Unknown range ${range}`)
  if (!isOpen && (startDateTime === undefined || endDateTime === undefined))
    refuse('Either range or startDateTime and endDateTime must be set')
  const moment = (text: string | undefined, otherwise: number): number =>
    text === undefined ? otherwise : (dateOf(text) ?? refuse(`Invalid date ${text}`))
  return [moment(startDateTime, Number.NEGATIVE_INFINITY), moment(endDateTime, Number.POSITIVE_INFINITY)]
}

/**
 * The rows of an export, in no order that means anything. Source: SW (fields, campaign), VCR `Iterable_CsvExporter` (order;
 * `createdAt` stays whatever fields are wanted).
 *
 * Throws  Refused (400) for an unknown data type, or for times that are missing or wrong.
 */
export function wantedRows(project: Project, wanted: Wanted, { isOpen = false } = {}): readonly JsonObject[] {
  const type = dataTypeNamed(project, wanted.dataTypeName ?? '') ?? refuse('Unknown dataTypeName')
  const [from, until] = span(project, wanted, isOpen)
  const { campaignId, onlyFields, omitFields } = wanted
  const only = onlyFields?.split(',').map((name) => name.trim())
  const omit = omitFields?.split(',').map((name) => name.trim()) ?? []
  const keeps = (name: string) =>
    (only === undefined || name === 'createdAt' || only.includes(name)) && !omit.includes(name)
  const rows = rowsOf(project, type)
    .filter(
      ({ at, row }) => at >= from && at < until && (campaignId === undefined || `${row.campaignId}` === campaignId),
    )
    .map(({ row }) => Object.fromEntries(Object.entries(row).filter(([name]) => keeps(name))))
  return shuffled(rows)
}

/** Every other row first, the rest backwards: what looks sorted is not. */
const shuffled = <T>(rows: readonly T[]): readonly T[] => [
  ...rows.filter((_, at) => at % 2 === 1),
  ...rows.filter((_, at) => at % 2 === 0).reverse(),
]

/** One object a line; that the last line may lack its end, and that blank lines occur: TAP, EST. */
export function jsonLines({ unsure }: Project, rows: readonly JsonObject[]): string {
  const lines = rows.map((row) => JSON.stringify(row))
  if (unsure.exportLines === 'clean') return lines.map((line) => `${line}\n`).join('')
  return [...lines.slice(0, 1), '', ...lines.slice(1)].join('\n')
}

/** Text in quotes, numbers bare, `createdAt` first. Source: VCR; what is nested stands as JSON (invented). */
export function csv(rows: readonly JsonObject[], delimiter = ','): string {
  const names = [...new Set(['createdAt', ...rows.flatMap((row) => Object.keys(row))])]
  const cell = (value: Json | undefined): string => {
    if (value === undefined || value === null) return ''
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    return `"${(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('"', '""')}"`
  }
  const lines = rows.map((row) => names.map((name) => cell(row[name])).join(delimiter))
  return [names.join(delimiter), ...lines].map((line) => `${line}\n`).join('')
}
