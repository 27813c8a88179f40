/**
 * A place on a list as bytes: the same in the store, in the spool, and while places are compared, so that the places of
 * whom nothing is new are never made into text.
 *
 *     0   4  hash of the address, 31 bits (fingerprints.ts)
 *     4   4  mark: where the record comes from (places.ts)
 *     8   2  bytes of the address
 *     10  2  bytes of the claimant; 0: nobody claims the place
 *     12  1  state
 *     13     address and claimant, UTF-8
 */
export const HEADER = 13

/** What the destination is known to have of an address, as in `MemberState`; ABSENT is no member. */
export const MEMBER = 0
export const UNKNOWN = 1
export const REJECTED = 2
export const ABSENT = 3
export type State = typeof MEMBER | typeof UNKNOWN | typeof REJECTED | typeof ABSENT

export interface Place {
  readonly hash: number
  readonly address: string
  /** Empty: nobody claims it. */
  readonly claimant: string
  readonly state: State
}

/** Writes a record into bytes and their view; gives where it ends. */
export function writeRecord(
  into: Buffer,
  view: DataView,
  at: number,
  { hash, address, claimant, state }: Place,
  mark: number,
): number {
  const middle = at + HEADER + into.write(address, at + HEADER)
  const end = middle + into.write(claimant, middle)
  writeHeader(view, at, { hash, mark, state, lengths: (middle - at - HEADER) | ((end - middle) << 16) })
  return end
}

export interface Header {
  readonly hash: number
  readonly mark: number
  /** Bytes of the address; above the 16th bit those of the claimant. */
  readonly lengths: number
  readonly state: State
}

/** Writes what stands before the texts. */
export function writeHeader(view: DataView, at: number, { hash, mark, lengths, state }: Header): void {
  view.setInt32(at, hash, true)
  view.setUint32(at + 4, mark, true)
  view.setInt32(at + 8, lengths, true)
  view.setUint8(at + 12, state)
}

/** What comes from where, and how it stands. */
export function writeMark(into: Uint8Array, at: number, mark: number, state: State): void {
  into[at + 4] = mark
  into[at + 5] = mark >>> 8
  into[at + 6] = mark >>> 16
  into[at + 7] = mark >>> 24
  into[at + 12] = state
}

/** Marks of records: 0 of what is kept; of the nth block of the log, from 1; of a wish for a place, and of one against it. */
export const WISH_IN = 0xffff_ffff
export const WISH_OUT = 0xffff_fffe

/** Bytes that a record takes at most. */
export const sizeOf = (address: string, claimant: string): number => HEADER + 3 * (address.length + claimant.length)

/** What is read of records by number rather than as text: a view is several times as fast as a Buffer's own calls. */
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const addressBytes = (view: DataView, at: number): number => view.getUint16(at + 8, true)
const claimantBytes = (view: DataView, at: number): number => view.getUint16(at + 10, true)

export const hashAt = (view: DataView, at: number): number => view.getInt32(at, true)
export const markAt = (view: DataView, at: number): number => view.getUint32(at + 4, true)
export const stateAt = (view: DataView, at: number): State => view.getUint8(at + 12) as State
export const isClaimed = (view: DataView, at: number): boolean => claimantBytes(view, at) > 0

/** Where the record behind this one begins. */
export const endAt = (view: DataView, at: number): number =>
  at + HEADER + addressBytes(view, at) + claimantBytes(view, at)

export function addressAt(bytes: Buffer, at: number): string {
  return bytes.toString('utf8', at + HEADER, at + HEADER + bytes.readUInt16LE(at + 8))
}

export function claimantAt(bytes: Buffer, at: number): string {
  const from = at + HEADER + bytes.readUInt16LE(at + 8)
  return bytes.toString('utf8', from, from + bytes.readUInt16LE(at + 10))
}

/** Whether two records have one address. */
export function sameAddress(view: DataView, a: number, b: number): boolean {
  const length = addressBytes(view, a)
  if (length !== addressBytes(view, b) || hashAt(view, a) !== hashAt(view, b)) return false
  return sameBytes(view, a + HEADER, b + HEADER, length)
}

/** Where the records of the last address begin. */
export function lastAddressAt(view: DataView): number {
  let last = 0
  for (let at = 0; at < view.byteLength; at = endAt(view, at)) if (!sameAddress(view, last, at)) last = at
  return last
}

/** Whether two records of one address have one claimant. */
export function sameClaimant(view: DataView, a: number, b: number): boolean {
  const length = claimantBytes(view, a)
  if (length !== claimantBytes(view, b)) return false
  const skipped = HEADER + addressBytes(view, a)
  return sameBytes(view, a + skipped, b + skipped, length)
}

function sameBytes(view: DataView, a: number, b: number, length: number): boolean {
  let at = 0
  for (; at + 4 <= length; at += 4) if (view.getInt32(a + at) !== view.getInt32(b + at)) return false
  for (; at < length; at += 1) if (view.getUint8(a + at) !== view.getUint8(b + at)) return false
  return true
}

/** By words: a call of Buffer's own costs more than so few bytes. */
export function copyBytes(from: DataView, begin: number, end: number, to: DataView, at: number): void {
  const shift = at - begin
  let next = begin
  for (; next + 4 <= end; next += 4) to.setInt32(next + shift, from.getInt32(next))
  for (; next < end; next += 1) to.setUint8(next + shift, from.getUint8(next))
}

/** The records of one address: one for each claimant, or one that nobody claims it. */
export function recordsOf(
  { hash, address }: Pick<Place, 'hash' | 'address'>,
  claimants: readonly string[],
  state: State,
): Buffer {
  const named = claimants.length > 0 ? claimants : ['']
  const bytes = Buffer.alloc(named.reduce((sum, claimant) => sum + sizeOf(address, claimant), 0))
  const view = viewOf(bytes)
  let at = 0
  for (const claimant of named) at = writeRecord(bytes, view, at, { hash, address, claimant, state }, 0)
  return bytes.subarray(0, at)
}
