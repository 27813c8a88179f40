import { LakeloopError } from '../errors.js'
import type { Cursor } from '../model/row.js'
import type { LookOptions, Source } from '../sources/source.js'
import { sourceError } from '../sources/source-error.js'
import type { Audience } from './audience.js'

/** Throws OPTION_INVALID where a sync that is to begin with what comes has no position to begin at. */
export function assertStart(source: Source, audience: Audience | undefined): void {
  if (audience !== undefined) throw invalid('is `now`, and `audience` needs all rows: leave one of the two out')
  if (source.head === undefined) throw noHead(source)
}

/** Where the source stands: behind all that it has now. */
export async function headOf(source: Source, options: LookOptions): Promise<Cursor> {
  const head = await source.head?.(options).catch((error: unknown) => {
    throw sourceError(error, source, options.signal)
  })
  if (head === undefined) throw noHead(source)
  return head
}

const noHead = ({ name }: Source): LakeloopError =>
  invalid(`is \`now\`, and ${name} does not know where it stands: say \`backfill\`, or give it a \`head\``)

const invalid = (problem: string): LakeloopError =>
  new LakeloopError('OPTION_INVALID', { part: 'Sync', option: 'start', problem })
