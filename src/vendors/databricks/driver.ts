import { LakeloopError } from '../../errors.js'

/** The few calls that lakeloop makes of `@databricks/sql` 2.1 and later. */
export interface Driver {
  readonly DBSQLClient: new (options: { readonly logger: DriverLogger }) => DriverClient
  readonly DBSQLParameter: new (parameter: { readonly type: string; readonly value: string | null }) => object
}

interface DriverLogger {
  log(level: string, message: string): void
}

export interface DriverClient {
  connect(options: DriverConnection): Promise<unknown>
  openSession(options: DriverSessionOptions): Promise<DriverSession>
  /** Connection errors that no call waits for. Without a listener they would end the process. */
  on(event: 'error', listener: (error: unknown) => void): unknown
  close(): Promise<void>
}

export interface DriverConnection {
  readonly host: string
  readonly port?: number
  readonly path: string
  /** Asked before every call, so that a token is never older than its provider says. */
  readonly authType: 'custom'
  readonly provider: { authenticate(): Promise<Record<string, string>> }
  readonly userAgentEntry: string
  readonly telemetryEnabled: boolean
  readonly preserveBigNumericPrecision: boolean
  readonly socketTimeout?: number
  readonly checkServerCertificate?: boolean
  readonly customCaCert?: string
}

export interface DriverSessionOptions {
  readonly configuration: Readonly<Record<string, string>>
  readonly queryTags?: Readonly<Record<string, string>>
}

export interface DriverSession {
  executeStatement(sql: string, options: DriverStatementOptions): Promise<DriverOperation>
  close(): Promise<unknown>
}

export interface DriverStatementOptions {
  readonly maxRows: number
  readonly useCloudFetch: boolean
  readonly namedParameters?: Readonly<Record<string, object>>
  readonly queryTags?: Readonly<Record<string, string>>
}

export interface DriverOperation {
  finished(): Promise<void>
  fetchAll(options: { readonly maxRows: number }): Promise<readonly object[]>
  getResultMetadata(): Promise<{ readonly resultFormat: string; readonly arrowSchema?: Uint8Array }>
  /** `null` where the server says that there is no result. */
  getSchema(): Promise<object | null>
  /** Not a part of the driver's contract: see {@link rawResult}. */
  getResultHandler?(): Promise<unknown>
  cancel(): Promise<unknown>
  close(): Promise<unknown>
}

/** Where the driver keeps a result before it makes rows of it: IPC messages, the schema first. */
export interface RawResult {
  hasMore(): Promise<boolean>
  fetchNext(options: {
    readonly limit: number
  }): Promise<{ readonly batches: readonly Uint8Array[]; readonly rowCount: number }>
}

/** Throws  PEER_MISSING */
export async function loadDriver(): Promise<Driver> {
  const name = '@databricks/sql'
  const module: unknown = await import('@databricks/sql').catch((cause: unknown) => {
    throw new LakeloopError('PEER_MISSING', { package: name }, cause)
  })
  return module as Driver
}

/**
 * The record batches behind an operation: what the driver's row path decodes, two stages below what it hands out.
 *
 * The driver has no public way to them; its rows cut timestamps to milliseconds, name no time zone and cost four times
 * as much (docs/decisions/0003-arrow-behind-the-driver.md). The shape is checked, so that another version of the driver
 * is an error and never a wrong value.
 *
 * Throws  SOURCE_DRIVER_UNKNOWN
 */
export async function rawResult(operation: DriverOperation, source: string): Promise<RawResult> {
  const slicer = (await operation.getResultHandler?.()) as
    | { readonly source?: { readonly source?: unknown } }
    | undefined
  const raw = slicer?.source?.source as RawResult | undefined
  if (typeof raw?.fetchNext === 'function' && typeof raw.hasMore === 'function') return raw
  throw new LakeloopError('SOURCE_DRIVER_UNKNOWN', { source })
}
