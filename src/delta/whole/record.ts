/**
 * A place on a list as bytes: the same in the store, in the spool, and while places are compared, so that the places of
 * whom nothing is new are never made into text.
 *
 *     0   4  hash of the address, 31 bits
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

/** Bytes of an address and a claimant together that are written without being measured before. */
export const PLAIN_MAX = 1_000

export interface Place {
  readonly address: string
  /** Empty: nobody claims it. */
  readonly claimant: string
  readonly state: State
}

const BASIS = -2_128_831_035
const PRIME = 16_777_619

/** FNV-1a with a last stirring, since its high bits part the places and its low bits find them. */
function stirred(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), -2_048_144_789)
  mixed = Math.imul(mixed ^ (mixed >>> 13), -1_028_477_387)
  return (mixed ^ (mixed >>> 16)) >>> 1
}

/** The hash of a text, as that of an address in its record. */
export function hashOf(text: string): number {
  let hash = BASIS
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, PRIME)
  return stirred(hash)
}

/**
 * Writes a record of plain texts: ASCII, neither of them empty, not long. Gives where it ends, or -1 where they are others, and
 * then what was written means nothing. Each letter is looked at once: this is most of what an audience costs.
 */
export function writePlain(into: Uint8Array, at: number, address: string, claimant: string): number {
  const { length } = address
  if (length === 0 || claimant.length === 0 || length + claimant.length > PLAIN_MAX) return -1
  const middle = at + HEADER + length
  const end = middle + claimant.length
  let hash = BASIS
  let odd = 0
  for (let from = at + HEADER, n = 0; n < length; n += 1) {
    const unit = address.charCodeAt(n)
    odd |= (unit - 3) | (127 - unit)
    hash = Math.imul(hash ^ unit, PRIME)
    into[from + n] = unit
  }
  for (let n = 0; n < claimant.length; n += 1) {
    const unit = claimant.charCodeAt(n)
    odd |= (unit - 3) | (127 - unit)
    into[middle + n] = unit
  }
  if (odd < 0) return -1
  writeHeader(into, at, { hash: stirred(hash), address: length, claimant: claimant.length })
  return end
}

function writeHeader(
  into: Uint8Array,
  at: number,
  { hash, address, claimant }: { readonly hash: number; readonly address: number; readonly claimant: number },
): void {
  into[at] = hash
  into[at + 1] = hash >>> 8
  into[at + 2] = hash >>> 16
  into[at + 3] = hash >>> 24
  into[at + 8] = address
  into[at + 9] = address >>> 8
  into[at + 10] = claimant
  into[at + 11] = claimant >>> 8
}

/** What comes from where, and how it stands: written last, in any record. */
export function writeMark(into: Uint8Array, at: number, mark: number, state: State): void {
  into[at + 4] = mark
  into[at + 5] = mark >>> 8
  into[at + 6] = mark >>> 16
  into[at + 7] = mark >>> 24
  into[at + 12] = state
}

/** Writes a record of any texts; gives where it ends. */
export function writeRecord(into: Buffer, at: number, { address, claimant, state }: Place, mark: number): number {
  let end = writePlain(into, at, address, claimant)
  if (end < 0) {
    const middle = at + HEADER + into.write(address, at + HEADER)
    end = middle + into.write(claimant, middle)
    writeHeader(into, at, { hash: hashOf(address), address: middle - at - HEADER, claimant: end - middle })
  }
  writeMark(into, at, mark, state)
  return end
}

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

/** The records of one address: one for each claimant, or one that nobody claims it. */
export function recordsOf(address: string, claimants: readonly string[], state: State): Buffer {
  const named = claimants.length > 0 ? claimants : ['']
  const bytes = Buffer.alloc(named.reduce((sum, claimant) => sum + sizeOf(address, claimant), 0))
  let at = 0
  for (const claimant of named) at = writeRecord(bytes, at, { address, claimant, state }, 0)
  return bytes.subarray(0, at)
}
