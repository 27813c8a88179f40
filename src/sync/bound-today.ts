import type { Resolution } from '../identity/resolver.js'
import type { Entry } from '../stores/store.js'
import type { RunContext } from './context.js'
import { keptIn } from './letter.js'

/** Where those are bound today whose address change was refused: that is the new one, or they have moved on. */
export async function boundToday(
  { identity, scope }: RunContext,
  moves: readonly Entry[],
): Promise<ReadonlyMap<Entry, Resolution>> {
  if (moves.length === 0) return new Map()
  const ids = moves.map((entry) => keptIn(entry).profileId ?? entry.key.at(-2) ?? '')
  const found = await identity.store.get(
    'binding',
    ids.map((id) => [scope.project, id]),
  )
  return new Map(
    moves.map((entry, at) => {
      const address = (found[at] as { readonly address?: string } | undefined)?.address ?? ''
      const who = { profileId: ids[at] as string, address, alternatives: [], rulesHash: '' }
      return [entry, { status: 'resolved', why: 'bound', ...who }]
    }),
  )
}
