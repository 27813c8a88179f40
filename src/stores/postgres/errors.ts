import { type ErrorCode, LakeloopError } from '../../errors.js'

/** SQLSTATEs that have a code of their own. Source: the appendix "PostgreSQL Error Codes" of its manual. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  '55P03': 'STORE_LOCKED', // lock_not_available: lock_timeout
  '57014': 'STORE_LOCKED', // query_canceled: statement_timeout
  '25006': 'STORE_READ_ONLY', // read_only_sql_transaction, also on a standby
  '42501': 'STORE_READ_ONLY', // insufficient_privilege
  '53100': 'STORE_FULL', // disk_full
  XX001: 'STORE_CORRUPT', // data_corrupted
  XX002: 'STORE_CORRUPT', // index_corrupted
  '3F000': 'STORE_CORRUPT', // invalid_schema_name: dropped meanwhile
  '42P01': 'STORE_CORRUPT', // undefined_table
  '42703': 'STORE_CORRUPT', // undefined_column
}

/** What Node and pg say of a connection that is lost or refused. */
const LOST = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/
const LOST_TEXT = /^Connection terminated( unexpectedly)?$|not queryable$/
/** What pg says when it has waited for long enough. */
const LATE_TEXT = /^(Query read timeout|timeout exceeded when trying to connect)$/
const NOT_REACHED_TEXT = /^Connection terminated due to connection timeout$/
/** connection_exception; admin_shutdown, crash_shutdown, cannot_connect_now; too_many_connections. */
const LOST_STATE = /^(08...|57P0[123]|53300)$/

/** What a driver threw, in our words. The driver's own message may quote values and stays behind `causeOf` (I7). */
export function storeError(cause: unknown, store: string): LakeloopError {
  const state = stateOf(cause)
  const late = LATE_TEXT.test(textOf(cause, 'message')) ? 'STORE_LOCKED' : undefined
  const code = state === undefined ? late : CODES[state]
  if (code !== undefined) return new LakeloopError(code, { file: store }, cause)
  return new LakeloopError('STORE_FAILED', { problem: problemOf(cause, state) }, cause)
}

/** True where the same again may do: the connection was lost, or Postgres took back one of two that met. */
export function isPassing(error: unknown): boolean {
  const state = stateOf(error)
  if (state !== undefined) return state === '40001' || state === '40P01' || LOST_STATE.test(state)
  return LOST.test(textOf(error, 'code')) || LOST_TEXT.test(textOf(error, 'message'))
}

/** True where an error that answers COMMIT says by itself that nothing was written. */
export function isUndone(error: unknown): boolean {
  return /^(23...|25...|40...|55...|57014)$/.test(stateOf(error) ?? '')
}

/** A SQLSTATE; Node's codes begin with E and stand in the same place. */
function stateOf(error: unknown): string | undefined {
  const code = textOf(error, 'code')
  return /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E') ? code : undefined
}

function problemOf(cause: unknown, state: string | undefined): string {
  if (state !== undefined) return `Postgres gave SQLSTATE ${state}`
  const code = textOf(cause, 'code')
  if (/^E[A-Z_]{2,30}$/.test(code)) return `Postgres was not reached: ${code}`
  return NOT_REACHED_TEXT.test(textOf(cause, 'message'))
    ? 'Postgres was not reached in time'
    : 'Postgres gave no SQLSTATE'
}

function textOf(error: unknown, property: 'code' | 'message'): string {
  return typeof error === 'object' && error !== null ? String((error as Record<string, unknown>)[property]) : ''
}
