import type * as Api from '@opentelemetry/api'
import { LakeloopError } from '../errors.js'
import type { SyncEvents } from '../sync/events.js'
import { Metrics } from './metrics.js'
import { Spans } from './spans.js'

/** The instrumentation scope, as OpenTelemetry calls it. */
const SCOPE = 'lakeloop'

type Instruments = readonly [Spans, Metrics]

/** Instead of the global ones: a `TracerProvider` and a `MeterProvider` of `@opentelemetry/api`. */
export interface OtelProviders {
  readonly tracerProvider?: { getTracer(name: string): object } | undefined
  readonly meterProvider?: { getMeter(name: string): object } | undefined
}

/** What hears the events of one sync; `stop` gives back what it holds. */
interface Listening {
  readonly listeners: Partial<SyncEvents>
  readonly stop: () => void
}

/**
 * Spans and metrics of one sync. The package is loaded at the first call and waited for by the first events, each of which is
 * heard in the context that it was told in, so that a run's span stands below the one that was active around `run()`.
 */
export function otel(sync: string, how: boolean | OtelProviders | undefined): Listening {
  const providers = typeof how === 'object' ? how : {}
  let made: Instruments | undefined
  let stopped = false
  const ready = loaded(how !== undefined).then((api) => {
    if (api === undefined || stopped) return undefined
    made = instrumentsOf(api, sync, providers)
    return made
  })
  ready.catch(() => undefined) // told to the first listener
  let failed = false
  const hear = <K extends keyof SyncEvents>(
    does: (instruments: Instruments, event: Parameters<SyncEvents[K]>[0], at: number) => void,
  ): SyncEvents[K] => {
    const listener = (event: Parameters<SyncEvents[K]>[0]): unknown => {
      const at = Date.now()
      if (made !== undefined) return does(made, event, at)
      if (failed) return undefined
      return ready.then(
        (instruments) => instruments && does(instruments, event, at),
        (error: unknown) => {
          if (failed) return
          failed = true
          throw error
        },
      )
    }
    return listener as SyncEvents[K]
  }
  const listeners: Partial<SyncEvents> = {
    start: hear<'start'>(([spans], event, at) => spans.start(event, at)),
    batch: hear<'batch'>(([spans, metrics], event, at) => {
      spans.batch(event, at)
      metrics.batch(event)
    }),
    progress: hear<'progress'>(([, metrics], { rows }) => metrics.rows(rows)),
    reject: hear<'reject'>(([, metrics], event) => metrics.reject(event)),
    throttle: hear<'throttle'>(([spans, metrics], event, at) => {
      spans.throttle(event, at)
      metrics.throttle(event)
    }),
    drift: hear<'drift'>(([spans], event, at) => spans.drift(event, at)),
    list: hear<'list'>(([spans, metrics], event, at) => {
      spans.list(event, at)
      metrics.list(event)
    }),
    end: hear<'end'>(([spans, metrics], { report }, at) => {
      spans.end(report, at)
      metrics.end(report)
    }),
  }
  const stop = (): void => {
    stopped = true
    for (const instruments of made ?? []) instruments.stop()
  }
  return { listeners, stop }
}

function instrumentsOf(api: typeof Api, sync: string, { tracerProvider, meterProvider }: OtelProviders): Instruments {
  const tracer = (tracerProvider ?? api.trace).getTracer(SCOPE) as Api.Tracer
  const meter = (meterProvider ?? api.metrics).getMeter(SCOPE) as Api.Meter
  return [new Spans(api, tracer, sync), new Metrics(meter, sync)]
}

/** The package; `undefined` where it is not installed and need not be. Throws PEER_MISSING. */
async function loaded(isNeeded: boolean): Promise<typeof Api | undefined> {
  return await import('@opentelemetry/api').catch((cause: unknown) => {
    if (!isNeeded) return undefined
    throw new LakeloopError('PEER_MISSING', { package: '@opentelemetry/api' }, cause)
  })
}
