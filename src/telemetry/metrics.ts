import type * as Api from '@opentelemetry/api'
import type { RowCounts, RunReport } from '../model/report.js'
import type { BatchEvent, SyncEvents } from '../sync/events.js'

type Told<K extends keyof SyncEvents> = Parameters<SyncEvents[K]>[0]

const REQUEST_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
const RUN_SECONDS = [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 43_200, 86_400]
const BODY_BYTES = [1_000, 10_000, 100_000, 500_000, 1_000_000, 2_000_000, 4_000_000]

/**
 * Counters, histograms and one gauge for a sync. Labels are the sync's name, endpoints, outcomes and codes: a bounded number of
 * each. Durations are seconds and names singular or plural as OpenTelemetry's naming rules ask.
 */
export class Metrics {
  readonly #of: Api.Attributes
  readonly #rows: Api.Counter
  readonly #requests: Api.Counter
  readonly #rejections: Api.Counter
  readonly #throttles: Api.Counter
  readonly #listChanges: Api.Counter
  readonly #requestSeconds: Api.Histogram
  readonly #requestBytes: Api.Histogram
  readonly #runSeconds: Api.Histogram
  readonly #lag: Api.ObservableGauge
  readonly #look: Api.ObservableCallback
  /** What was counted of the run under way; the report has the last word. */
  #counted: Partial<Record<keyof RowCounts, number>> = {}
  #asked: Record<string, number> = {}
  #freshAt: number | undefined

  constructor(meter: Api.Meter, sync: string) {
    this.#of = { 'lakeloop.sync': sync }
    const counter = (name: string, unit: string, description: string) =>
      meter.createCounter(`lakeloop.${name}`, { unit, description })
    this.#rows = counter('rows', '{row}', 'Rows by the outcome that they ended in.')
    this.#requests = counter('requests', '{request}', 'Requests made, repeats included.')
    this.#rejections = counter(
      'rejections',
      '{action}',
      'Actions that the destination, or the check before it, refused.',
    )
    this.#throttles = counter('throttles', '{request}', 'Requests that were asked to come later.')
    this.#listChanges = counter('list.changes', '{address}', 'Addresses that joined or left lists, or were held back.')
    const histogram = (name: string, unit: string, explicitBucketBoundaries: number[], description: string) =>
      meter.createHistogram(`lakeloop.${name}`, { unit, description, advice: { explicitBucketBoundaries } })
    this.#requestSeconds = histogram('batch.duration', 's', REQUEST_SECONDS, 'From the first attempt to the answer.')
    this.#requestBytes = histogram('batch.size', 'By', BODY_BYTES, 'Bytes of request bodies.')
    this.#runSeconds = histogram('run.duration', 's', RUN_SECONDS, 'How long runs took.')
    this.#lag = meter.createObservableGauge('lakeloop.lag', {
      unit: 's',
      description: 'Since the start of the last complete run: what the source held before that was delivered.',
    })
    this.#look = (result) => {
      if (this.#freshAt !== undefined) result.observe(Math.max(0, Date.now() - this.#freshAt) / 1_000, this.#of)
    }
    this.#lag.addCallback(this.#look)
  }

  batch({ endpoint, bytes, attempts, ms }: BatchEvent): void {
    if (attempts === 0) return // nothing was sent
    const of = { ...this.#of, 'lakeloop.endpoint': endpoint }
    this.#request(endpoint, attempts)
    this.#requestSeconds.record(ms / 1_000, of)
    this.#requestBytes.record(bytes, of)
  }

  rows({ read: _, unsettled: __, ...outcomes }: RowCounts): void {
    for (const [outcome, rows] of Object.entries(outcomes) as [keyof RowCounts, number][]) {
      const more = rows - (this.#counted[outcome] ?? 0)
      if (more > 0) this.#rows.add(more, { ...this.#of, 'lakeloop.outcome': outcome })
      this.#counted[outcome] = rows
    }
  }

  reject({ reason, actions }: Told<'reject'>): void {
    this.#rejections.add(actions, { ...this.#of, 'lakeloop.reason': reason.code })
  }

  throttle({ endpoint }: Told<'throttle'>): void {
    this.#throttles.add(1, { ...this.#of, 'lakeloop.endpoint': endpoint })
  }

  list({ add, remove, held, rejected }: Told<'list'>): void {
    for (const [change, addresses] of Object.entries({ add, remove, held, rejected })) {
      if (addresses > 0) this.#listChanges.add(addresses, { ...this.#of, 'lakeloop.change': change })
    }
  }

  /** Requests whose end nobody saw, because the run ended first, are counted here. */
  end({ status, reads, rows, requests, durationMs, startedAt, error }: RunReport): void {
    const type = error === undefined ? {} : { 'error.type': error.code }
    this.#runSeconds.record(durationMs / 1_000, { ...this.#of, 'lakeloop.run.status': status, ...type })
    if (error?.code === 'LEASE_HELD') return // it may be this very sync that runs, and counts on
    this.rows(rows)
    for (const [endpoint, times] of Object.entries(requests))
      this.#request(endpoint, times - (this.#asked[endpoint] ?? 0))
    this.#counted = {}
    this.#asked = {}
    if (status === 'complete' && reads === 'source') this.#freshAt = Date.parse(startedAt)
  }

  stop(): void {
    this.#lag.removeCallback(this.#look)
  }

  #request(endpoint: string, times: number): void {
    if (times <= 0) return
    this.#asked[endpoint] = (this.#asked[endpoint] ?? 0) + times
    this.#requests.add(times, { ...this.#of, 'lakeloop.endpoint': endpoint })
  }
}
