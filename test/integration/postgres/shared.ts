import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { inject } from 'vitest'
import type { Answer } from './global-setup.js'

/**
 * Where the Postgres of this run is. Where none can be started: `undefined`, after a line that says why; with CI=1 that is
 * an error.
 */
export async function sharedPostgres(): Promise<string | undefined> {
  const answer = JSON.parse(await text(connect(inject('postgresAt'), '127.0.0.1'))) as Answer
  if ('url' in answer) return answer.url
  if (process.env.CI === '1' || process.env.CI === 'true') throw new Error(`no Postgres: ${answer.reason}`)
  console.log(`SKIPPED: tests on Postgres: ${answer.reason}`)
  return undefined
}

let schemas = 0

/** A schema that nobody else uses, in this file or another. */
export function freshSchema(): string {
  schemas += 1
  return `t${process.pid}_${Date.now().toString(36)}_${schemas}`
}
