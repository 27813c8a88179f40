import { setImmediate } from 'node:timers/promises'
import { inspect } from 'node:util'
import { context, metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { causeOf, LakeloopError } from '../../src/errors.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { Lease } from '../../src/sync/lease.js'
import type { Sync } from '../../src/sync/sync.js'
import { type Logger, observe } from '../../src/telemetry/index.js'
import { plainTransform } from '../sync/plain-transform.js'
import { people, scoreAndList, World } from '../sync/world.js'
import { Recorded } from './recorded.js'

const opened: Recorded[] = []
const recorded = (): Recorded => {
  const made = new Recorded()
  opened.push(made)
  return made
}
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

/** What a logger was given, level first. */
function lines(): { logger: Logger; told: [level: keyof Logger, facts: object, text: string][] } {
  const told: [keyof Logger, object, string][] = []
  const to = (level: keyof Logger) => (facts: object, text: string) => void told.push([level, facts, text])
  return { told, logger: { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') } }
}

const throttled = () =>
  Promise.reject(new LakeloopError('DESTINATION_THROTTLED', { endpoint: 'apply', afterMs: 2_000 }))
const unclear = () =>
  Promise.reject(new LakeloopError('DESTINATION_UNREACHABLE', { endpoint: 'apply', problem: 'reset' }))
const NO = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } } as const
const seconds = ([whole, nanos]: readonly [number, number]): number => whole + nanos / 1e9

describe('spans', () => {
  test('one for a run, and below it one for each request', async () => {
    const world = new World()
    const otel = recorded()
    const sync = world.sync(people(30))
    observe(sync, { otel })
    world.destination.knob = (_, nth) => {
      world.clock.advance(250)
      return nth === 0 ? throttled() : undefined
    }
    const report = await sync.run()
    const [run] = otel.named('lakeloop.run')
    const batches = otel.named('lakeloop.batch')
    expect(otel.spans).toHaveLength(1 + batches.length)
    expect(run).toMatchObject({
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.UNSET },
      instrumentationScope: { name: 'lakeloop' },
      attributes: {
        'lakeloop.sync': 'churn',
        'lakeloop.run.id': report.runId,
        'lakeloop.run.resumed': false,
        'lakeloop.run.status': 'complete',
        'lakeloop.rows.read': 30,
        'lakeloop.rows.accepted': 30,
      },
    })
    expect(run?.events.map(({ name }) => name)).toEqual(['lakeloop.throttle', 'lakeloop.list'])
    expect(batches).toHaveLength(4)
    for (const batch of batches) {
      expect(batch.parentSpanContext?.spanId).toBe(run?.spanContext().spanId)
      expect(batch).toMatchObject({
        kind: SpanKind.CLIENT,
        attributes: { 'lakeloop.endpoint': 'apply', 'lakeloop.actions': 10, 'lakeloop.actions.accepted': 10 },
      })
      expect(batch.attributes['http.request.body.size']).toBeGreaterThan(100)
    }
    const again = batches.filter(({ attributes }) => attributes['http.request.resend_count'] !== undefined)
    expect(again.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([1])
    expect(seconds(again[0]?.duration ?? [0, 0])).toBeGreaterThan(2)
  })

  test('a run that fails or is stopped says by which code, one that is cancelled is no error', async () => {
    const world = new World()
    const otel = recorded()
    const run = async (more: object = {}) => {
      const sync = world.sync(people(9))
      observe(sync, { otel })
      await sync.run(more)
      await setImmediate() // a run that is refused at once may be over before the package is loaded
      const { status, attributes } = otel.named('lakeloop.run').at(-1) as (typeof otel.spans)[number]
      return [status.code, attributes['error.type'], attributes['lakeloop.run.status']]
    }
    world.destination.knob = () => Promise.reject(new Error('broken'))
    expect(await run()).toEqual([SpanStatusCode.ERROR, 'RUN_FAILED', 'failed'])
    expect(await run({ signal: AbortSignal.abort() })).toEqual([SpanStatusCode.UNSET, 'ABORTED', 'cancelled'])
    await Lease.take(world.store, { project: 'test', sync: 'churn' }, world.clock)
    expect(await run()).toEqual([SpanStatusCode.ERROR, 'LEASE_HELD', 'stopped'])
  })

  test('stand below the span that was active around run(), also where the package is still being loaded', async () => {
    const manager = new AsyncLocalStorageContextManager().enable()
    context.setGlobalContextManager(manager)
    try {
      const otel = recorded()
      const sync = new World().sync(people(3))
      const tracer = otel.tracerProvider.getTracer('host')
      await tracer.startActiveSpan('job', async (job) => {
        observe(sync, { otel })
        await sync.run()
        job.end()
      })
      const [job] = otel.named('job')
      expect(otel.named('lakeloop.run')[0]?.parentSpanContext?.spanId).toBe(job?.spanContext().spanId)
    } finally {
      context.disable()
    }
  })
})

describe('metrics', () => {
  test('are the sums of the reports, whatever happened on the way', async () => {
    const world = new World()
    const otel = recorded()
    const sync = world.sync([...people(30), { id: 'c-none', email: null, score: 0.9 }], {
      rejectedShareMax: 1,
      concurrency: 1,
    })
    observe(sync, { otel })
    world.destination.knob = ({ rows }, nth) => {
      if (nth === 0) return throttled()
      if (nth === 1) return unclear()
      return rows.map(({ address }) => (address === 'p20@example.com' ? NO : { status: 'accepted' }))
    }
    const first = await sync.run()
    world.destination.knob = ({ rows }) => (rows[0]?.action.kind === 'membership' ? undefined : unclear())
    const failed = await sync.run() // p20 is sent again, and no answer ever comes
    expect([first.status, failed.error?.code]).toEqual(['complete', 'RETRIES_SPENT'])
    const both = (of: (report: typeof first) => number) => of(first) + of(failed)
    const rows = await otel.points('lakeloop.rows')
    for (const outcome of ['accepted', 'unchanged', 'rejected', 'parked'] as const) {
      expect([outcome, rows[outcome] ?? 0]).toEqual([outcome, both((report) => report.rows[outcome])])
    }
    expect(await otel.points('lakeloop.requests')).toEqual({ apply: both(({ requests }) => requests.apply ?? 0) })
    expect(world.destination.sent).toHaveLength(both(({ requests }) => requests.apply ?? 0))
    expect(await otel.points('lakeloop.throttles')).toEqual({ apply: 1 })
    expect(await otel.points('lakeloop.rejections')).toEqual({ DATA_INVALID: 1 })
    expect(await otel.points('lakeloop.list.changes')).toEqual({ add: 10 })
    expect(await otel.points('lakeloop.run.duration')).toEqual({ complete: 1, 'failed RETRIES_SPENT': 1 })
    const batches = otel.named('lakeloop.batch')
    expect(await otel.points('lakeloop.batch.duration')).toEqual({ apply: batches.length })
    expect(await otel.points('lakeloop.batch.size')).toEqual({ apply: batches.length })
    const size = (await otel.metrics()).find(({ descriptor }) => descriptor.name === 'lakeloop.batch.size')
    const total = (size?.dataPoints[0]?.value ?? {}) as { sum?: number }
    expect(total.sum).toBe(
      batches.reduce((all, { attributes }) => all + Number(attributes['http.request.body.size']), 0),
    )
  })

  test('have units, and durations in seconds', async () => {
    const otel = recorded()
    const sync = new World().sync(people(3))
    observe(sync, { otel })
    await sync.run()
    const units = Object.fromEntries((await otel.metrics()).map(({ descriptor }) => [descriptor.name, descriptor.unit]))
    expect(units).toEqual({
      'lakeloop.rows': '{row}',
      'lakeloop.requests': '{request}',
      'lakeloop.list.changes': '{address}',
      'lakeloop.batch.duration': 's',
      'lakeloop.batch.size': 'By',
      'lakeloop.run.duration': 's',
      'lakeloop.lag': 's',
    })
  })

  test('lag is the time since the last complete run began, and nothing before there was one', async () => {
    const world = new World()
    const otel = recorded()
    const rows = people(3)
    const sync = world.sync(rows)
    observe(sync, { otel })
    world.destination.knob = () => Promise.reject(new Error('broken'))
    await sync.run()
    expect(await otel.points('lakeloop.lag')).toEqual({})
    world.destination.knob = () => undefined
    const now = vi.spyOn(Date, 'now')
    try {
      const { startedAt } = await sync.run()
      now.mockReturnValue(Date.parse(startedAt) + 90_000)
      expect(await otel.points('lakeloop.lag')).toEqual({ '': 90 })
      world.destination.knob = () => Promise.reject(new Error('broken'))
      now.mockReturnValue(Date.parse(startedAt) + 120_000)
      rows.push({ id: 'c-9', email: 'p9@example.com', score: 0.1 })
      expect((await sync.run()).status).toBe('failed')
      expect(await otel.points('lakeloop.lag')).toEqual({ '': 120 })
    } finally {
      now.mockRestore()
    }
  })

  test('what was refused before anything was sent is no request', async () => {
    const world = new World()
    const otel = recorded()
    const open = world.destination.open.bind(world.destination)
    world.destination.open = async (...given) => ({
      ...(await open(...given)),
      prepare: ({ length }) => ({
        requests: [],
        refused: Array.from({ length }, (_, action) => ({ action, reason: NO.reason })),
      }),
    })
    const sync = world.sync(people(3), { rejectedShareMax: 1 })
    observe(sync, { otel })
    expect((await sync.run()).rows.rejected).toBe(3)
    expect(await otel.points('lakeloop.requests')).toEqual({})
    expect(await otel.points('lakeloop.batch.size')).toEqual({})
    expect(await otel.points('lakeloop.rejections')).toEqual({ DATA_INVALID: 3 })
    expect(otel.named('lakeloop.batch')).toEqual([])
  })

  test('a run that is refused because this very sync runs takes nothing from the one that runs', async () => {
    const world = new World()
    const otel = recorded()
    const sync = world.sync(people(20))
    observe(sync, { otel })
    let refused: Promise<unknown> | undefined
    world.destination.knob = ({ rows }) => {
      // By then all rows are counted.
      if (rows[0]?.action.kind === 'membership') refused ??= sync.run()
      return undefined
    }
    sync.on('end', ({ report }) => expect(['complete', 'stopped']).toContain(report.status))
    const report = await sync.run()
    await refused
    expect(await otel.points('lakeloop.requests')).toEqual(report.requests)
    expect(await otel.points('lakeloop.rows')).toEqual({ accepted: 20 })
    expect(otel.named('lakeloop.run')).toHaveLength(2)
    const whole = otel.named('lakeloop.run').find(({ attributes }) => attributes['lakeloop.run.status'] === 'complete')
    for (const batch of otel.named('lakeloop.batch')) {
      expect(batch.parentSpanContext?.spanId).toBe(whole?.spanContext().spanId)
    }
  })
})

describe('log lines', () => {
  test('are structured, and of a level that says who should read them', async () => {
    const world = new World()
    const { logger, told } = lines()
    const sync = world.sync(people(30), { rejectedShareMax: 1 })
    observe(sync, { logger, otel: false })
    world.destination.knob = ({ rows }, nth) => {
      if (nth === 0) return throttled()
      return rows.map(({ address }) => (address === 'p20@example.com' ? NO : { status: 'accepted' }))
    }
    const report = await sync.run()
    const above = told.filter(([level]) => level !== 'debug')
    expect(above).toEqual([
      ['info', { sync: 'churn', runId: report.runId, resumed: false }, 'run started'],
      ['info', { sync: 'churn', endpoint: 'apply', waitMs: 2_000 }, 'asked to slow down'],
      ['warn', { sync: 'churn', code: 'DATA_INVALID', actions: 1 }, 'actions rejected'],
      ['info', { sync: 'churn', list: 'at-risk', add: 10, remove: 0, keep: 0, held: 0, rejected: 0 }, 'list done'],
      [
        'info',
        {
          sync: 'churn',
          runId: report.runId,
          status: 'complete',
          reads: 'source',
          durationMs: report.durationMs,
          rows: report.rows,
          requests: report.requests,
          reasons: [{ status: 'rejected', code: 'DATA_INVALID', rows: 1 }],
          unusable: {},
        },
        'run ended',
      ],
    ])
    expect(new Set(told.filter(([level]) => level === 'debug').map(([, , text]) => text))).toEqual(
      new Set(['page read', 'request settled', 'progress']),
    )
  })

  test('a logger that throws is reported and hurts nothing', async () => {
    const sync = new World().sync(people(3))
    const { logger } = lines()
    observe(sync, {
      otel: false,
      logger: {
        ...logger,
        info() {
          throw new Error('disk full')
        },
      },
    })
    const failed: unknown[] = []
    sync.on('listenerError', (error) => failed.push(error.facts.event))
    expect((await sync.run()).status).toBe('complete')
    expect(failed).toContain('start')
  })
})

test('no address, key, value, credential or text of the transform stands in any line, span, metric or label [I7]', async () => {
  const canary = 'canary-7f3a'
  const world = new World()
  const otel = recorded()
  const { logger, told } = lines()
  const rows = people(30).map(({ id, score }, n) => ({
    id: `${canary}-${id}`,
    email: n === 5 ? null : n === 6 ? canary : `${canary}.${n}@example.com`,
    score: n === 7 ? canary : (score ?? null),
    note: canary,
  }))
  const plain = plainTransform((row) => {
    if (row.score === canary) throw new Error(canary)
    return scoreAndList(row)
  })
  const { run } = plain
  const transform = Object.assign(plain, {
    run: async (...given: Parameters<typeof run>) => ({
      ...(await run(...given)),
      logs: [{ level: 'log' as const, row: 0, text: `hello ${canary}` }],
    }),
  })
  const observed = async (more: object = {}) => {
    const sync = world.sync(rows, { transform, rejectedShareMax: 1, ...more })
    observe(sync, { logger, otel })
    sync.on('page', () => {
      throw new Error(canary)
    })
    return await sync.run()
  }
  world.destination.knob = ({ rows: sent }, nth) => {
    if (nth === 0) return throttled()
    if (nth === 1) return unclear()
    return sent.map((_, at) => (at === 1 ? NO : { status: 'accepted' }))
  }
  const statuses = [(await observed()).status]
  world.destination.knob = () => Promise.reject(new Error(`${canary}@example.com`))
  statuses.push((await observed()).status)
  world.destination.knob = () => undefined
  const schema = (type: string) => ({
    columns: ['id', 'email', 'score', 'note'].map((name) => ({
      name,
      type: name === 'score' ? type : 'string',
      nullable: true,
    })),
    asOf: '7',
  })
  const source = Object.assign(new RowsSource({ name: 'scores', rows, key: ['id'], complete: true }), {
    describe: async () => schema('decimal(8,2)'),
    whoChanged: async () => [{ version: 8, at: '2026-11-23T00:00:00Z', user: `${canary}@corp.example` }],
  })
  await world.store.commit([
    { op: 'put', table: 'schema', key: ['test', 'churn'], value: { ...schema('string'), version: 'plain' } },
  ])
  const drift = await observed({ source, drift: { typeChanged: 'report' } })
  expect(JSON.stringify(drift.drift)).toContain(canary)
  statuses.push((await observed({ rejectedShareMax: 0.01 })).status)
  expect(statuses).toEqual(['complete', 'failed', 'complete'])
  expect(told.length).toBeGreaterThan(20)
  expect(otel.spans.length).toBeGreaterThan(5)
  const spans = otel.spans.map(({ name, attributes, events, status }) => ({ name, attributes, events, status }))
  const text = inspect([told, spans, await otel.metrics()], { depth: Number.POSITIVE_INFINITY, maxArrayLength: null })
  expect(text).toContain('churn')
  expect(text).not.toContain(canary)
})

describe('observe()', () => {
  test('ends: nothing is told any more, spans under way end, and ending twice is ending once', async () => {
    const otel = recorded()
    const { logger, told } = lines()
    const sync: Sync = new World().sync(people(20))
    const end = observe(sync, { logger, otel })
    sync.on('progress', () => {
      end()
      end()
    })
    await sync.run()
    expect(told.map(([, , text]) => text)).not.toContain('run ended')
    expect(otel.named('lakeloop.run')).toHaveLength(1)
    expect(otel.named('lakeloop.run')[0]?.attributes).not.toHaveProperty('lakeloop.run.status')
    expect(await otel.points('lakeloop.lag')).toEqual({})
  })

  test('takes the global providers where none are given', async () => {
    const otel = recorded()
    trace.setGlobalTracerProvider(otel.tracerProvider)
    metrics.setGlobalMeterProvider(otel.meterProvider)
    try {
      const sync = new World().sync(people(3))
      observe(sync)
      await sync.run()
      expect(otel.named('lakeloop.run')).toHaveLength(1)
      expect(await otel.points('lakeloop.rows')).toEqual({ accepted: 3 })
    } finally {
      trace.disable()
      metrics.disable()
    }
  })

  test.each([
    ['logger', { logger: { info: () => undefined } }],
    ['otel', { otel: 'yes' }],
    ['otel', { otel: { tracerProvider: {} } }],
    ['loger', { loger: {} }],
  ])('refuses a wrong %s', (option, wrong) => {
    const sync = new World().sync([])
    expect(() => observe(sync, wrong as never)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', facts: expect.objectContaining({ option }) }),
    )
  })

  describe('where @opentelemetry/api is not installed', () => {
    const without = async (options: object) => {
      vi.resetModules()
      vi.doMock('@opentelemetry/api', () => {
        throw new Error('not found')
      })
      try {
        const { observe: fresh } = await import('../../src/telemetry/index.js')
        const sync = new World().sync(people(20))
        const errors: LakeloopError[] = []
        sync.on('listenerError', (error) => void errors.push(error))
        fresh(sync, options)
        expect((await sync.run()).status).toBe('complete')
        await setImmediate()
        return errors
      } finally {
        vi.doUnmock('@opentelemetry/api')
      }
    }

    test('there are no spans and metrics, and nothing is wrong', async () => {
      expect(await without({})).toEqual([])
    })

    test('who asked for them is told once what to install', async () => {
      const errors = await without({ otel: true })
      expect(errors.map(({ code, facts }) => [code, facts.event])).toEqual([['LISTENER_FAILED', 'start']])
      expect(causeOf(errors[0] as LakeloopError)).toMatchObject({
        code: 'PEER_MISSING',
        facts: { package: '@opentelemetry/api' },
      })
    })
  })
})
