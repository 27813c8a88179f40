import { compareBytes } from '../model/byte-order.js'
import type { Json } from '../model/value.js'
import type { RecordRef } from './evidence.js'

/** A record that holds an identifier, and who owns the identifier in it; 0 where no hub limit asks. */
export interface Holder {
  readonly ref: RecordRef
  readonly owner: string | 0
}

/** Where an identifier stands. */
export interface Place {
  /** Profile id; null: quarantined; '': only named by hand. */
  readonly home: string | null
  /** All records that hold it, in the order of their keys; undefined: there is a row of `evidenceById` for each. */
  readonly holders: readonly Holder[] | undefined
}

/** So many holders stand in the identifier's own row: then most identifiers take one row. */
export const HOLDERS_INLINE = 8

/**
 * The row of an identifier, by what it says of the records that hold it.
 *
 *     home                                                 they stand in `evidenceById`, one row each
 *     [home, [owner, source, key[, version]], ...]         these are all, at most {@link HOLDERS_INLINE}
 *
 * Rows that were written before layout 2 (see meta.ts) are of the first form, however few the holders. An owner has a
 * space between namespace and value here: JSON takes six characters for the sign that is between them elsewhere.
 */
export function placeOf(row: Json): Place {
  if (!Array.isArray(row)) return { home: row as string | null, holders: undefined }
  const [home, ...holders] = row as unknown as [string | null, ...(readonly [string | 0, string, string])[]]
  return {
    home,
    holders: holders.map(([owner, ...ref]) => ({
      owner: owner === 0 ? 0 : owner.replace(' ', BETWEEN),
      ref: ref as unknown as RecordRef,
    })),
  }
}

/** The home that a row tells. */
export const homeIn = (row: Json): string | null => (Array.isArray(row) ? row[0] : row) as string | null

/** The row behind {@link placeOf}. Laws    equal places give equal rows. */
export function placeRow({ home, holders }: Place): Json {
  if (holders === undefined) return home
  return [home, ...holders.map(({ owner, ref }) => [owner === 0 ? 0 : owner.replace(BETWEEN, ' '), ...ref])]
}

/** The row of an identifier that one record holds, and that somebody has. `owner` is the identifier that owns it. */
export function soleRow(
  home: string,
  ref: RecordRef,
  owner: readonly [namespace: string, value: string, ...raws: string[]] | '' | 0 | undefined,
): Json {
  const named = typeof owner === 'object' ? `${owner[0]} ${owner[1]}` : (owner ?? 0)
  return [home, [named, ...ref]]
}

/** As in `idOf` of rules.ts. */
const BETWEEN = '\u0001'

/** Order   that of their keys in `evidenceById`. */
export function inOrder(holders: Holder[]): readonly Holder[] {
  if (holders.length < 2) return holders
  return holders.sort((a, b) => compareRefs(a.ref, b.ref))
}

const compareRefs = (a: RecordRef, b: RecordRef): number =>
  compareBytes(a[0], b[0]) || compareBytes(a[1], b[1]) || compareBytes(a[2] ?? '', b[2] ?? '')
