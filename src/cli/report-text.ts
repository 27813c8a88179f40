import { explain } from '../errors.js'
import type { RunReport } from '../index.js'
import { unusableLines } from '../model/unusable.js'
import { oneLine, painted } from './screen.js'

/** 12345 -> 12,345 everywhere, whatever the machine's language is. */
export const count = (value: number): string => value.toLocaleString('en-US')

export function spoken(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 60) return `${minutes} min ${Math.round((ms % 60_000) / 1_000)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const OUTCOMES = ['accepted', 'unchanged', 'rejected', 'parked', 'superseded', 'filtered', 'unsettled'] as const
const COLOUR: Readonly<Record<string, 'green' | 'yellow' | 'red'>> = { complete: 'green', cancelled: 'yellow' }

/** What became of the rows, without those terms that are nothing. */
export function rowsText(rows: RunReport['rows']): string {
  const terms = OUTCOMES.filter((outcome) => rows[outcome] > 0).map((outcome) => `${count(rows[outcome])} ${outcome}`)
  return `${count(rows.read)} rows read${terms.length === 0 ? '' : `: ${terms.join(', ')}`}`
}

/** One line for a list of runs. */
export function runLine(report: RunReport, colours: boolean): string {
  const status = painted(colours, COLOUR[report.status] ?? 'red', report.status.padEnd(11))
  const line = `${report.startedAt}  ${status}  ${spoken(report.durationMs).padStart(9)}  ${rowsText(report.rows)}`
  return `${line}  ${painted(colours, 'dim', `${report.sync} ${report.runId}`)}`
}

/** A run for people: one line per thing that happened. */
export function reportLines(report: RunReport, colours = false): readonly string[] {
  const { sync, status, durationMs, reads, rows, lists, reasons, drift, requests, error } = report
  const sent = Object.entries(requests).map(([endpoint, times]) => `${count(times)} ${endpoint}`)
  const source = { source: '', deadLetters: ' of dead letters', inbox: ' of the inbox' }[reads]
  const [head = '', ...more] = [
    `${sync}: STATUS in ${spoken(durationMs)}${source}, run ${report.runId}`,
    `  ${rowsText(rows)}`,
    ...reasons.map(
      (one) =>
        `  ${count(one.rows)} rows ${one.status}: ${one.reason.code}: ${explain(one.reason.code, one.reason.facts)}`,
    ),
    ...unusableLines(report.unusable),
    ...lists.map((list) => `  list ${list.list}: ${listText(list)}`),
    ...drift.map(
      (change) =>
        `  schema: ${change.column} ${change.kind}${change.breaks ? ', which the transform reads' : ''}: ${change.decision}`,
    ),
    ...aside(report),
    ...(sent.length === 0 ? [] : [`  requests: ${sent.join(', ')}`]),
    ...(error === undefined ? [] : [`  ${error.message}`]),
  ].map(oneLine)
  return [head.replace(' STATUS ', ` ${painted(colours, COLOUR[status] ?? 'red', status)} `), ...more]
}

function listText({ add, remove, keep, held, rejected }: RunReport['lists'][number]): string {
  const held_ = held === 0 ? '' : `, ${count(held)} removals held back by the guard`
  const rejected_ = rejected === 0 ? '' : `, ${count(rejected)} rejected`
  return `${count(add)} added, ${count(remove)} removed, ${count(keep)} kept${held_}${rejected_}`
}

function aside({ conflicts, unparked, overtaken, retargeted, expired = [] }: RunReport): readonly string[] {
  const told = [
    [conflicts, 'open conflicts of identity'],
    [unparked, 'parked earlier, accepted now'],
    [overtaken, 'parked earlier, overtaken by newer ones'],
    [retargeted, 'people moved to another address'],
    ...expired.map(({ reason, letters }) => [letters, `dead letters of ${reason} expired`] as const),
  ] as const
  return told.filter(([times]) => times > 0).map(([times, what]) => `  ${count(times)} ${what}`)
}
