import type * as Api from '@opentelemetry/api'
import type { RunReport } from '../model/report.js'
import type { BatchEvent, SyncEvents } from '../sync/events.js'

type Told<K extends keyof SyncEvents> = Parameters<SyncEvents[K]>[0]

/**
 * A span for each run, `lakeloop.run`, and below it one for each request, `lakeloop.batch`. Attributes are those of OpenTelemetry's
 * semantic conventions where there is one (`error.type`, `http.request.body.size`, `http.request.resend_count`), else our own.
 */
export class Spans {
  readonly #api: typeof Api
  readonly #tracer: Api.Tracer
  readonly #sync: string
  /** Those of runs under way, the newest last. */
  readonly #runs = new Map<string, Api.Span>()

  constructor(api: typeof Api, tracer: Api.Tracer, sync: string) {
    this.#api = api
    this.#tracer = tracer
    this.#sync = sync
  }

  start({ runId, resumed }: Told<'start'>, startTime: number): void {
    this.#runs.set(runId, this.#begun(runId, startTime, { 'lakeloop.run.resumed': resumed }))
  }

  batch({ endpoint, actions, accepted, rejected, bytes, attempts, ms }: BatchEvent, at: number): void {
    const run = this.#run
    if (run === undefined || attempts === 0) return // nothing was sent
    const { trace, context, SpanKind } = this.#api
    const attributes: Api.Attributes = {
      'lakeloop.sync': this.#sync,
      'lakeloop.endpoint': endpoint,
      'lakeloop.actions': actions,
      'lakeloop.actions.accepted': accepted,
      'lakeloop.actions.rejected': rejected,
      'http.request.body.size': bytes,
    }
    if (attempts > 1) attributes['http.request.resend_count'] = attempts - 1
    const options = { kind: SpanKind.CLIENT, startTime: at - ms, attributes }
    this.#tracer.startSpan('lakeloop.batch', options, trace.setSpan(context.active(), run)).end(at)
  }

  throttle({ endpoint, waitMs }: Told<'throttle'>, at: number): void {
    this.#run?.addEvent('lakeloop.throttle', { 'lakeloop.endpoint': endpoint, 'lakeloop.wait_ms': waitMs }, at)
  }

  drift({ changes }: Told<'drift'>, at: number): void {
    for (const { kind, column, breaks, decision } of changes) {
      const attributes = {
        'lakeloop.drift.kind': kind,
        'lakeloop.drift.column': column,
        'lakeloop.drift.breaks': breaks,
        'lakeloop.drift.decision': decision,
      }
      this.#run?.addEvent('lakeloop.drift', attributes, at)
    }
  }

  list({ list, ...counts }: Told<'list'>, at: number): void {
    const numbers = Object.entries(counts).map(([what, count]) => [`lakeloop.list.${what}`, count] as const)
    this.#run?.addEvent('lakeloop.list', { 'lakeloop.list': list, ...Object.fromEntries(numbers) }, at)
  }

  /** A run that was refused has a span as well: it begins and ends here. */
  end({ runId, status, rows, durationMs, error }: RunReport, at: number): void {
    const span = this.#runs.get(runId) ?? this.#begun(runId, at - durationMs, {})
    this.#runs.delete(runId)
    span.setAttribute('lakeloop.run.status', status)
    for (const [what, count] of Object.entries(rows)) span.setAttribute(`lakeloop.rows.${what}`, count)
    if (error !== undefined) {
      span.setAttribute('error.type', error.code)
      if (status !== 'cancelled') span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: error.code })
    }
    span.end(at)
  }

  stop(): void {
    for (const span of this.#runs.values()) span.end()
    this.#runs.clear()
  }

  get #run(): Api.Span | undefined {
    return [...this.#runs.values()].at(-1)
  }

  #begun(runId: string, startTime: number, more: Api.Attributes): Api.Span {
    const attributes = { 'lakeloop.sync': this.#sync, 'lakeloop.run.id': runId, ...more }
    return this.#tracer.startSpan('lakeloop.run', { startTime, attributes })
  }
}
