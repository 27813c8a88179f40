/** What runs tell, as log lines, and as spans and metrics of OpenTelemetry. */

export type { Logger } from './log-lines.js'
export { type Observed, type ObserveOptions, observe } from './observe.js'
export type { OtelProviders } from './otel.js'
