import { explain } from '../../errors.js'
import type { RunReport } from '../../index.js'
import { count, spoken } from '../report-text.js'
import { figure, type Series, tableOf } from './chart.js'
import { type Html, html } from './html.js'
import type { Pace } from './pace.js'

/** What the page tells of one sync. */
export interface Story {
  readonly sync: string
  /** Oldest first. */
  readonly runs: readonly RunReport[]
  /** Of the newest run that sent something. */
  readonly pace?: Pace | undefined
}

const OUTCOMES = ['accepted', 'unchanged', 'filtered', 'superseded', 'parked', 'rejected', 'unsettled'] as const

/** `2026-11-30 14:05`, in UTC. */
const when = (iso: string): string => iso.slice(0, 16).replace('T', ' ')
const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

export function section({ sync, runs, pace }: Story, at: number): Html {
  const last = runs.at(-1)
  if (last === undefined)
    return html`<section aria-labelledby="s${at}"><h2 id="s${at}">${sync}</h2><p>No run yet.</p></section>`
  const read = sumOf(runs.map(({ rows }) => rows.read))
  const rejected = sumOf(runs.map(({ rows }) => rows.rejected))
  const failed = runs.filter(({ status }) => status !== 'complete').length
  return html`<section aria-labelledby="s${at}">
<h2 id="s${at}">${sync}</h2>
<ul class="tiles">
<li><b class="status ${last.status}">${last.status}</b> last run, ${when(last.startedAt)}</li>
<li><b>${count(runs.length)}</b> runs, ${count(failed)} not complete</li>
<li><b>${count(read)}</b> rows read</li>
<li><b>${count(rejected)}</b> rows rejected${read === 0 ? '' : `, ${share(rejected / read)}`}</li>
</ul>
${last.error === undefined ? '' : html`<p class="error">${last.error.message}</p>`}
${throughput(runs)}
${pace && within(pace)}
${outcomes(runs)}
${reasons(runs)}
${lists(runs)}
${drift(runs)}
</section>
`
}

const share = (part: number): string => `${(part * 100).toFixed(part > 0 && part < 0.01 ? 2 : 1)} %`

function throughput(runs: readonly RunReport[]): Html {
  const perSecond = runs.map(({ rows, durationMs }) => Math.round((rows.read / Math.max(1, durationMs)) * 1_000))
  return figure({
    title: 'Throughput over time',
    unit: 'rows/s',
    by: 'Run (UTC)',
    columns: runs.map(({ startedAt }) => when(startedAt)),
    series: [{ name: 'rows per second', colour: 'c-accepted', values: perSecond }],
    more: [
      { name: 'took', cells: runs.map(({ durationMs }) => spoken(durationMs)) },
      { name: 'requests', cells: runs.map(({ requests }) => count(sumOf(Object.values(requests)))) },
    ],
  })
}

function within({ columns, perSecond, seconds }: Pace): Html {
  return figure({
    title: 'Throughput within the newest run that sent something',
    unit: 'actions/s',
    by: `${seconds === 1 ? 'Second' : `${seconds} seconds`} from (UTC)`,
    columns,
    series: [{ name: 'actions per second', colour: 'c-accepted', values: perSecond }],
  })
}

function outcomes(runs: readonly RunReport[]): Html {
  return figure({
    title: 'Outcomes of each run',
    unit: 'rows',
    by: 'Run (UTC)',
    columns: runs.map(({ startedAt }) => when(startedAt)),
    series: OUTCOMES.map(
      (outcome): Series => ({
        name: outcome,
        colour: `c-${outcome}`,
        values: runs.map(({ rows }) => rows[outcome]),
      }),
    ),
    more: [{ name: 'status', cells: runs.map(({ status }) => html`<span class="status ${status}">${status}</span>`) }],
  })
}

/** Each with a bar of its own in the table: there may be many, and their names are long. */
function reasons(runs: readonly RunReport[]): Html {
  const sums = new Map<string, { status: string; code: string; says: string; rows: number; last: string }>()
  for (const { reasons: told, startedAt } of runs) {
    for (const { status, reason, rows } of told) {
      if (status === 'filtered') continue
      const says = explain(reason.code, reason.facts)
      const key = JSON.stringify([status, reason.code, says])
      const before = sums.get(key)?.rows ?? 0
      sums.set(key, { status, code: reason.code, says, rows: before + rows, last: when(startedAt) })
    }
  }
  const all = [...sums.values()].sort((a, b) => a.rows - b.rows) // a table shows its last row first
  if (all.length === 0) return html`<h3>Rejections by reason</h3><p>None in these runs.</p>`
  const most = Math.max(...all.map(({ rows }) => rows))
  const row = ({ status, code, says, rows, last }: (typeof all)[number]) => html`<tr>
<td class="n">${count(rows)}</td>
<td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="c-${status}" width="${Math.max(1, (rows / most) * 100).toFixed(1)}" height="10"/></svg></td>
<td>${status}</td><td><code>${code}</code></td><td class="wide">${says}</td><td>${last}</td></tr>`
  return html`<h3>Rejections by reason</h3>
${tableOf(
  'Rejections by reason',
  ['rows', 'share', 'outcome', 'reason', 'what it says', 'last seen (UTC)'].map((name, at) => ({
    name,
    isNumber: at === 0,
  })),
  all.map(row),
)}`
}

function lists(runs: readonly RunReport[]): readonly Html[] {
  const names = [...new Set(runs.flatMap(({ lists: told }) => told.map(({ list }) => list)))].sort()
  return names.map((name) => {
    const own = runs.flatMap(({ lists: told, startedAt }) =>
      told.filter(({ list }) => list === name).map((list) => ({ ...list, startedAt })),
    )
    const series = [
      { name: 'added', colour: 'c-accepted', values: own.map(({ add }) => add) },
      { name: 'removed', colour: 'c-parked', values: own.map(({ remove }) => remove) },
      { name: 'held back', colour: 'c-superseded', values: own.map(({ held }) => held) },
      { name: 'rejected', colour: 'c-rejected', values: own.map(({ rejected }) => rejected) },
    ]
    const kept = { name: 'kept', cells: own.map(({ keep }) => count(keep)) }
    const columns = own.map(({ startedAt }) => when(startedAt))
    return figure({
      title: `Changes of the list ${name}`,
      unit: 'addresses',
      by: 'Run (UTC)',
      columns,
      series,
      more: [kept],
    })
  })
}

/** Without who committed: that is often an address. */
function drift(runs: readonly RunReport[]): Html {
  const rows = runs.flatMap(({ drift: changes, startedAt }) =>
    changes.map(
      ({
        kind,
        column,
        before,
        after,
        candidates = [],
        breaks,
        decision,
      }) => html`<tr><th scope="row">${when(startedAt)}</th>
<td><code>${column}</code></td><td>${kind}</td><td>${before ?? ''}</td><td>${after ?? candidates.join(', ')}</td><td>${breaks ? 'yes' : 'no'}</td><td>${decision}</td></tr>`,
    ),
  )
  if (rows.length === 0) return html`<h3>Changes of the schema</h3><p>None in these runs.</p>`
  const heads = ['Run (UTC)', 'column', 'change', 'before', 'after', 'read by the transform', 'decision'].map(
    (name) => ({ name }),
  )
  return html`<h3>Changes of the schema</h3>
${tableOf('Changes of the schema', heads, rows)}`
}
