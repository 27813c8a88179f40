import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Batch } from './answer.js'
import type { Fault } from './faults.js'

const GOLDEN = join(import.meta.dirname, '../../golden/databricks')
const golden = (name: string): Uint8Array => readFileSync(join(GOLDEN, `${name}.batch.arrow`))

const http = (status: number, headers: Readonly<Record<string, string>> = {}): Fault => ({
  kind: 'http',
  status,
  headers,
})
const status = (text: string): Fault => ({ kind: 'status', text })
const page = (spoil: (batch: Batch) => Batch): Fault => ({ kind: 'page', spoil: (batches) => batches.map(spoil) })
const counted = (by: (count: number) => number): Fault =>
  page(({ bytes, rowCount }) => ({ bytes, rowCount: by(rowCount) }))
const bytes = (spoil: (bytes: Uint8Array) => Uint8Array): Fault =>
  page((batch) => ({ ...batch, bytes: spoil(batch.bytes) }))

/** A FlatBuffer whose offsets lead anywhere. */
function garbled(message: Uint8Array): Uint8Array {
  const copy = new Uint8Array(message)
  for (let at = 8; at < 40; at++) copy[at] = ((copy[at] as number) * 31 + 77) & 0xff
  return copy
}

/** Texts that a server sends hold ids and values; this one shows where a message of ours passes one on. */
const TOLD = 's3cr3t-of-the-server'

/**
 * What can go wrong, by name.
 *
 * Source  of texts and headers: reference of `@databricks/sql` 2.1; lightdash PR 28654 (a warehouse that starts);
 *         databricks-jdbc DatabricksJdbcConstants and databricks-sdk-go issue 873 (headers). SQLSTATEs beside states are not known to be sent: with them
 *         it is harder.
 */
export const FAULTS = {
  'HTTP 401': http(401),
  'HTTP 403': http(403, { 'x-databricks-error-or-redirect-message': `User ${TOLD} is not authorized` }),
  'HTTP 403 of the token': http(403, { 'x-databricks-reason-phrase': `Invalid access token. [ReqId: ${TOLD}]` }),
  'HTTP 404': http(404, { 'x-databricks-error-or-redirect-message': `RESOURCE_DOES_NOT_EXIST: ${TOLD}` }),
  'HTTP 404 of a path that is not there': http(404),
  'HTTP 429 with Retry-After': http(429, { 'retry-after': '7' }),
  'HTTP 503': http(503, { 'x-thriftserver-error-message': TOLD }),
  'HTTP 503 with Retry-After': http(503, { 'retry-after': '7' }),
  'a reset before the work': { kind: 'reset', done: 'nothing' },
  'a reset after the work': { kind: 'reset', done: 'all' },
  'an invalid session': status(`Invalid SessionHandle: SessionHandle [${TOLD}]`),
  'an invalid operation': status(`Invalid OperationHandle: OperationHandle [opType=EXECUTE_STATEMENT, ${TOLD}]`),
  'a session that is not ready': {
    kind: 'state',
    state: 'ERROR',
    text: `requirement failed: Session handle: ${TOLD} has not been initialized or had already closed`,
    sqlState: 'HY000',
  },
  'a session that is not ready, by status': status(
    `requirement failed: Session handle: ${TOLD} has not been initialized or had already closed`,
  ),
  'a folder that cannot be made': {
    kind: 'state',
    state: 'ERROR',
    text: `Couldn't create directory /${TOLD}/1234_resources`,
    sqlState: 'HY000',
  },
  'a statement closed on the server': { kind: 'state', state: 'CLOSED', text: TOLD, sqlState: 'HY010' },
  'a statement cancelled on the server': { kind: 'state', state: 'CANCELED', text: TOLD, sqlState: 'HY008' },
  'a statement that ran too long': { kind: 'state', state: 'TIMEDOUT', text: TOLD, sqlState: 'HYT00' },
  'an error by state': {
    kind: 'state',
    state: 'ERROR',
    text: `[CAST_INVALID_INPUT] The value '${TOLD}' of the type "STRING" cannot be cast`,
    sqlState: '22018',
  },
  'an error by status': status(`[CAST_INVALID_INPUT] The value '${TOLD}' cannot be cast. SQLSTATE: 22018`),
  'a row count that is too high': counted((count) => count + 1),
  'a row count that is too low': counted((count) => count - 1),
  'a row count of 0': counted(() => 0),
  'more rows that are not there': { kind: 'more', emptyPages: 3 },
  'more rows without an end': { kind: 'more', emptyPages: Number.POSITIVE_INFINITY },
  'a message that is cut off': bytes((message) => message.subarray(0, message.byteLength - 24)),
  'a message that is garbled': bytes(garbled),
  'no message at all': bytes(() => Buffer.from(TOLD)),
  'a batch of another schema': bytes(() => golden('types')),
  'buffers in LZ4': bytes(() => golden('lz4')),
  'buffers in ZSTD': bytes(() => golden('zstd')),
  'a dictionary': bytes(() => golden('dictionary')),
  'a reset within the answer': { kind: 'reset', done: 'half' },
  'a link that is over': { kind: 'expired' },
  'a statement that runs and runs': { kind: 'running' },
  'an answer that does not come': { kind: 'stall' },
} as const satisfies Record<string, Fault>
export type FaultName = keyof typeof FAULTS

export const fault = (name: FaultName): readonly [string, Fault] => [name, FAULTS[name]]
