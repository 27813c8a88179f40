import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'
import type { SyncEvents } from '../sync/events.js'
import { type Logger, logLines } from './log-lines.js'
import { type OtelProviders, otel } from './otel.js'

/** A `Sync`, or what tells the same events. */
export interface Observed {
  readonly name: string
  on<K extends keyof SyncEvents>(event: K, listener: SyncEvents[K]): unknown
  off<K extends keyof SyncEvents>(event: K, listener: SyncEvents[K]): unknown
}

export interface ObserveOptions {
  /** Gets a structured line for each event: pino, or anything with its four methods. Default: no lines. */
  readonly logger?: Logger | undefined
  /**
   * Spans and metrics through the optional peer `@opentelemetry/api`. Default: where that is installed. `true`, or providers: it
   * has to be, and else the first event of a run becomes a `listenerError`, whose cause is PEER_MISSING. `false`: none.
   */
  readonly otel?: boolean | OtelProviders | undefined
}

const having = (...methods: readonly string[]) =>
  z.custom<object>(
    (value) => methods.every((method) => typeof (value as Record<string, unknown> | null)?.[method] === 'function'),
    { error: `has no ${methods.join(', ')}` },
  )

const OPTIONS = z.strictObject({
  logger: having('debug', 'info', 'warn', 'error').optional(),
  otel: z
    .union([
      z.boolean(),
      z.strictObject({
        tracerProvider: having('getTracer').optional(),
        meterProvider: having('getMeter').optional(),
      }),
    ])
    .optional(),
})

/**
 * Writes down what a sync tells while it runs, until the function that it gives is called.
 *
 * Shape    names, counts, codes and times. No address, key, value, credential or text that a transform wrote stands in a line,
 *          a span, a metric or a label (I7).
 * Repeat   observed twice, everything is told twice. Ending twice is ending once; spans of a run under way end then, too.
 * Throws   OPTION_INVALID. What the logger throws becomes a `listenerError` of the sync, and hurts nothing.
 */
export function observe(sync: Observed, options: ObserveOptions = {}): () => void {
  const checked = OPTIONS.safeParse(options)
  if (!checked.success) {
    throw new LakeloopError('OPTION_INVALID', { part: 'observe', ...optionFault(checked.error, OPTIONS) })
  }
  const isSync = [sync?.on, sync?.off].every((method) => typeof method === 'function')
  if (!isSync) throw new LakeloopError('OPTION_INVALID', { part: 'observe', option: 'sync', problem: 'has no on, off' })
  const { logger, otel: how } = options
  const lines = logger === undefined ? {} : logLines(logger, sync.name)
  const measured = how === false ? undefined : otel(sync.name, how)
  const heard = [lines, measured?.listeners ?? {}]
  const told = heard.flatMap((listeners) => Object.entries(listeners)) as [keyof SyncEvents, never][]
  for (const [event, listener] of told) sync.on(event, listener)
  let ended = false
  return () => {
    if (ended) return
    ended = true
    for (const [event, listener] of told) sync.off(event, listener)
    measured?.stop()
  }
}
