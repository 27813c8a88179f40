import { setImmediate } from 'node:timers/promises'
import type { Identifier } from '../model/identifier.js'
import type { Row } from '../model/row.js'
import type { Json } from '../model/value.js'
import type { RunContext } from './context.js'
import { type Cell, cellsOf, isSaying } from './erase-person.js'

/** A row that is about to be kept whole, since nothing could be made of it. */
export interface WholeRow {
  readonly row: Row
  readonly key: string | undefined
}

/** Rows between two turns of the host's loop: each text of each is looked for by its digest. */
const ROWS_PER_TURN = 100

/**
 * Which of these rows have an identifier of somebody who was forgotten, so that nothing of them may be kept. Only a value that
 * is one is found, and none within a longer text: of the forgotten only digests are left.
 *
 * Shape   indexes into `rows`.
 * Cost    nothing while nobody has ever left; else a digest for each text and namespace.
 */
export async function rowsOfTheForgotten(
  { identity, departures }: RunContext,
  rows: readonly WholeRow[],
): Promise<ReadonlySet<number>> {
  const found = new Set<number>()
  if (!departures.any) return found
  for (let from = 0; from < rows.length; from += ROWS_PER_TURN) {
    const asked: { readonly row: number; readonly identifier: Identifier }[] = []
    rows.slice(from, from + ROWS_PER_TURN).forEach(({ row, key }, at) => {
      for (const cell of cellsOf(row as Json, key))
        for (const identifier of readings(cell, identity.namespaces)) asked.push({ row: from + at, identifier })
    })
    const forgotten = await identity.areForgotten(asked.map(({ identifier }) => identifier))
    const addresses = asked.map(({ identifier }) => addressOf(identifier))
    const left = await departures.among(addresses.filter((address) => address !== undefined))
    asked.forEach(({ row }, at) => {
      if (forgotten[at] === true || left.get(addresses[at] ?? '')?.forever === true) found.add(row)
    })
    await setImmediate() // a store that answers at once would never let the host's loop turn
  }
  return found

  function addressOf(identifier: Identifier): string | undefined {
    return identifier.namespace === identity.target ? identity.written(identifier) : undefined
  }
}

/** What a cell may say, by namespace: a short text only where its place tells of which. */
const readings = (cell: Cell, namespaces: readonly string[]): readonly Identifier[] =>
  namespaces.filter((namespace) => isSaying(cell, namespace)).map((namespace) => ({ namespace, value: cell.text }))
