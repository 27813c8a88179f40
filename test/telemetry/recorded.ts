import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'

/** The SDK of OpenTelemetry, with what it would export kept in memory. */
export class Recorded {
  readonly #spans = new InMemorySpanExporter()
  readonly #reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
    exportIntervalMillis: 3_600_000,
  })
  readonly tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans)] })
  readonly meterProvider = new MeterProvider({ readers: [this.#reader] })

  get spans() {
    return this.#spans.getFinishedSpans()
  }

  named(name: string) {
    return this.spans.filter((span) => span.name === name)
  }

  async metrics() {
    const { resourceMetrics } = await this.#reader.collect()
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
  }

  /** Label values to the number under them: the sum of a counter, how often a histogram was written to, or a gauge. */
  async points(name: string): Promise<Readonly<Record<string, number>>> {
    const found = (await this.metrics()).find(({ descriptor }) => descriptor.name === name)
    return Object.fromEntries(
      (found?.dataPoints ?? []).map(({ attributes, value }) => {
        const labels = Object.entries(attributes).filter(([label]) => label !== 'lakeloop.sync')
        const count = typeof value === 'number' ? value : (value as { count: number }).count
        return [labels.map(([, text]) => String(text)).join(' '), count]
      }),
    )
  }

  async close(): Promise<void> {
    await this.meterProvider.shutdown()
    await this.tracerProvider.shutdown()
  }
}
