import { count } from '../report-text.js'
import { type Html, html, type Part } from './html.js'

/** What a chart shows of one thing in each column. */
export interface Series {
  readonly name: string
  /** A class of the page's style, which has its colour. */
  readonly colour: string
  /** One for each column. */
  readonly values: readonly number[]
}

export interface Chart {
  readonly title: string
  /** What the values are: `rows`, `rows per second`. */
  readonly unit: string
  /** One for each column, in order of time. */
  readonly columns: readonly string[]
  readonly series: readonly Series[]
  /** The head of the first column of the table. */
  readonly by: string
  /** Columns of the table behind those of the series. */
  readonly more?: readonly { readonly name: string; readonly cells: readonly Part[] }[]
}

/** The drawing is stretched to its room; words stand outside of it, so that they keep their size. */
const WIDTH = 1_000
const HEIGHT = 200

/** A drawing of bars, one for each column with the series on top of each other, its legend, and a table of the same numbers. */
export function figure(chart: Chart): Html {
  const { title, unit, columns, series } = chart
  const sums = columns.map((_, at) => series.reduce((sum, { values }) => sum + Math.max(0, values[at] ?? 0), 0))
  const top = niceTop(Math.max(0, ...sums))
  const shown = series.filter(({ values }) => values.some((value) => value !== 0))
  const label = `${title}: bars of ${shown.map(({ name }) => name).join(', ') || 'nothing'}; the table has the numbers`
  return html`<figure>
<figcaption><h3>${title}</h3>${legend(shown)}</figcaption>
<div class="pair">
<div class="plot">
<div class="axis" aria-hidden="true"><span>${count(top)}</span><span>${top % 2 === 0 ? count(top / 2) : ''}</span><span>0 ${unit}</span></div>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}">
<path class="grid" d="M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}"/>
${bars(columns, shown, top)}
</svg>
<div class="ends" aria-hidden="true"><span>${columns[0]}</span><span>${columns.length > 1 ? columns.at(-1) : ''}</span></div>
</div>
${table(chart, shown)}
</div>
</figure>
`
}

function bars(columns: readonly string[], series: readonly Series[], top: number): readonly Html[] {
  const each = WIDTH / Math.max(1, columns.length)
  const width = Math.min(80, each * 0.8)
  return columns.flatMap((column, at) => {
    let under = 0
    return series.flatMap(({ name, colour, values }) => {
      const value = Math.max(0, values[at] ?? 0)
      if (value === 0) return []
      // What is there is seen, however small it is beside the rest.
      const height = Math.max(2, (value / top) * HEIGHT)
      under += height
      const x = at * each + (each - width) / 2
      return [
        html`<rect class="${colour}" x="${round(x)}" y="${round(HEIGHT - under)}" width="${round(width)}" height="${round(height)}"><title>${column}: ${count(value)} ${name}</title></rect>
`,
      ]
    })
  })
}

const round = (value: number): string => value.toFixed(1).replace(/\.0$/, '')

const legend = (series: readonly Series[]): Html =>
  html`<ul class="legend">${series.map(({ name, colour }) => html`<li><i class="${colour}"></i>${name}</li>`)}</ul>`

function table({ title, by, columns, more = [] }: Chart, series: readonly Series[]): Html {
  const heads = [...series.map(({ name }) => ({ name, isNumber: true })), ...more]
  const rows = columns.map((column, at) => [
    column,
    ...series.map(({ values }) => html`<td class="n">${count(values[at] ?? 0)}</td>`),
    ...more.map(({ cells }) => html`<td>${cells[at]}</td>`),
  ])
  return tableOf(
    title,
    [{ name: by }, ...heads],
    rows.map(([first, ...cells]) => html`<tr><th scope="row">${first}</th>${cells}</tr>`),
  )
}

interface Head {
  readonly name: string
  readonly isNumber?: boolean
}

/** A table that scrolls in itself where the window is narrow, newest row first. */
export function tableOf(title: string, heads: readonly Head[], rows: readonly Html[]): Html {
  return html`<div class="table" role="region" tabindex="0" aria-label="${title}, table">
<table><thead><tr>${heads.map(({ name, isNumber }) => html`<th scope="col"${isNumber && html` class="n"`}>${name}</th>`)}</tr></thead>
<tbody>${[...rows].reverse()}</tbody></table>
</div>`
}

/** The least of 1, 2, 3, 4, 6, 8, 10, 20 and so on that a bar of this height fits under. */
export function niceTop(highest: number): number {
  if (highest <= 0) return 1
  const size = 10 ** Math.floor(Math.log10(highest))
  return [1, 2, 3, 4, 6, 8, 10].map((step) => step * size).find((top) => top >= highest) ?? highest
}
