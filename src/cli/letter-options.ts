import type { LetterSelection } from '../index.js'
import type { Options } from './command.js'
import { UsageError } from './usage.js'

/** Which dead letters. */
export const LETTER_OPTIONS = {
  reason: { type: 'string', value: 'CODE', says: 'those that were refused for this reason' },
  run: { type: 'string', value: 'ID', says: 'those that this run, or replay, refused last' },
  key: { type: 'string', value: 'KEY', says: 'those of the row with this key' },
} as const satisfies Options

interface Query {
  readonly reason?: string | undefined
  readonly run?: string | undefined
  readonly key?: string | undefined
}

export const queryOf = ({ reason, run, key }: Query) => ({
  ...(reason !== undefined && { reason }),
  ...(run !== undefined && { runId: run }),
  ...(key !== undefined && { key }),
})

/** By ids, by what they have, or all where that was said. Throws UsageError for nothing, and for all beside something. */
export function selectionOf(
  values: Query & { readonly all?: boolean | undefined },
  ids: readonly string[],
): LetterSelection {
  const query = { ...queryOf(values), ...(ids.length > 0 && { ids }) }
  const isSaid = Object.keys(query).length > 0
  if (values.all === true && isSaid) throw new UsageError('--all is all of them: leave the rest out')
  if (values.all === true) return 'all'
  if (!isSaid) throw new UsageError('which ones has to be said: by their ids, --reason, --run, --key or --all')
  return query
}
