import { explain, type OutcomeEntry } from '../index.js'

/** What became of one action, on a line. */
export function outcomeLine({ at, runId, kind, status, reason, list, member, key, address }: OutcomeEntry): string {
  const place = list === undefined ? '' : `  ${member === false ? 'off' : 'on'} ${list}`
  const who = [key, address].filter((one) => one !== undefined).map((one) => `  ${one}`)
  const why = reason === undefined ? '' : `  ${reason.code}: ${explain(reason.code, reason.facts)}`
  return `${at}  ${status.padEnd(10)}  ${kind}${place}${who.join('')}  ${runId}${why}`
}
