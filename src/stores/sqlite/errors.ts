import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { LakeloopError } from '../../errors.js'

/** Primary result codes. Source: sqlite.org/rescode.html; the low byte of an extended code is its primary one. */
const CODES = {
  SQLITE_BUSY: 5,
  SQLITE_LOCKED: 6,
  SQLITE_READONLY: 8,
  SQLITE_CORRUPT: 11,
  SQLITE_FULL: 13,
  SQLITE_CANTOPEN: 14,
  SQLITE_NOTADB: 26,
} as const

/** What a driver threw, in our words. The driver's own message may quote SQL and stays behind `causeOf` (I7). */
export function storeError(cause: unknown, file: string): LakeloopError {
  switch (resultCode(cause)) {
    case CODES.SQLITE_BUSY:
    case CODES.SQLITE_LOCKED:
      return new LakeloopError('STORE_LOCKED', { file }, cause)
    case CODES.SQLITE_READONLY:
      return new LakeloopError('STORE_READ_ONLY', { file }, cause)
    case CODES.SQLITE_FULL:
      return new LakeloopError('STORE_FULL', { file }, cause)
    case CODES.SQLITE_CORRUPT:
    case CODES.SQLITE_NOTADB:
      return new LakeloopError('STORE_CORRUPT', { file }, cause)
    case CODES.SQLITE_CANTOPEN:
      if (existsSync(dirname(file))) return new LakeloopError('STORE_READ_ONLY', { file }, cause)
      return new LakeloopError('STORE_FAILED', { problem: `the folder of ${file} does not exist` }, cause)
    default:
      return new LakeloopError('STORE_FAILED', { problem: resultText(cause) }, cause)
  }
}

/** True where waiting may help: another connection has the lock. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === CODES.SQLITE_BUSY || resultCode(error) === CODES.SQLITE_LOCKED
}

/**
 * The primary code, from where each driver puts it: `errcode` (node:sqlite), `rawCode` (libsql), a name in `code`
 * (better-sqlite3), or the end of the message (libsql, when opening fails).
 */
function resultCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { errcode, rawCode, code, message } = error as Record<string, unknown>
  const number = errcode ?? rawCode ?? /ConnectionFailed\(.*: (\d+)"\)$/s.exec(String(message))?.[1]
  if (number !== undefined && number !== null) return Number(number) & 0xff
  const name = Object.keys(CODES).find((known) => String(code).startsWith(known))
  return name === undefined ? undefined : CODES[name as keyof typeof CODES]
}

function resultText(cause: unknown): string {
  const code = resultCode(cause)
  return code === undefined ? 'SQLite gave no code we know' : `SQLite gave code ${code}`
}
