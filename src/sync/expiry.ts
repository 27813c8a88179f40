import type { ExpiredCount } from '../model/report.js'
import type { Entry, Op, Store } from '../stores/store.js'
import type { Scope } from './checkpoint.js'
import { keptIn } from './letter.js'
import { chosenLetters } from './letter-choice.js'

const DAY_MS = 86_400_000
const PER_COMMIT = 1_000

/** True for a letter that was first kept longer ago than that. */
export const isExpired = (entry: Entry, { days, now }: { readonly days: number | undefined; now: number }): boolean =>
  days !== undefined && Date.parse(keptIn(entry).at) <= now - days * DAY_MS

export interface Expiring {
  readonly store: Store
  readonly scope: Scope
  readonly days: number | undefined
  /** In ms since 1970. */
  readonly now: number
  readonly commit: (ops: readonly Op[]) => Promise<void>
}

/** Drops letters as they come, in commits of a bounded size, and says how many. */
export async function dropLetters(letters: AsyncIterable<Entry>, commit: Expiring['commit']): Promise<number> {
  let dropped = 0
  let ops: Op[] = []
  const drop = async (): Promise<void> => {
    if (ops.length > 0) await commit(ops)
    dropped += ops.length
    ops = []
  }
  for await (const { key } of letters) {
    ops.push({ op: 'delete', table: 'deadLetter', key })
    if (ops.length === PER_COMMIT) await drop()
  }
  await drop()
  return dropped
}

/** Drops dead letters that are too old, and says how many of each reason, most first. */
export async function expireLetters({ store, scope, days, now, commit }: Expiring): Promise<readonly ExpiredCount[]> {
  if (days === undefined) return []
  const counts = new Map<string, number>()
  const expired = async function* (): AsyncGenerator<Entry> {
    for await (const entry of chosenLetters(store, scope, 'all')) {
      if (!isExpired(entry, { days, now })) continue
      const { code } = keptIn(entry).reason
      counts.set(code, (counts.get(code) ?? 0) + 1)
      yield entry
    }
  }
  await dropLetters(expired(), commit)
  return [...counts].map(([reason, letters]) => ({ reason, letters })).sort((a, b) => b.letters - a.letters)
}
