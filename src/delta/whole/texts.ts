import { SLACK_BYTES, type Texts } from './fingerprints.js'

/** An address and a claimant. */
export interface Named {
  readonly address: string
  readonly claimant: string
}

/** Bytes of an address and a claimant together that are good for the key of a row without being looked at. */
const PLAIN_MAX = 1_000

export interface Written extends Texts {
  /** Places with a text that is empty, long, other than ASCII, or no text at all. */
  readonly odd: readonly Named[]
}

/** The texts of places as bytes, in `room` where it is large enough, by one call for all: one for each costs more than its bytes. */
export function writeTexts(places: readonly Named[], room?: Uint8Array): Written {
  const count = places.length
  const lengths = new Uint16Array(count * 2)
  const odd: Named[] = []
  let all = ''
  let units = 0
  for (let n = 0; n < count; n += 1) {
    const place = places[n] as Named
    const { address, claimant } = place
    all += address
    all += claimant
    lengths[n * 2] = address.length
    lengths[n * 2 + 1] = claimant.length
    const both = address.length + claimant.length
    units += both
    if (address.length === 0 || claimant.length === 0 || both > PLAIN_MAX) odd.push(place)
  }
  // Of a text that is no ASCII more bytes than units are written, also where they do not all find room.
  const bytes = roomFor((units || 0) + SLACK_BYTES, room)
  return bytes.write(all) === units ? { bytes, lengths, count, odd } : writeOthers(places, all)
}

/** More than is needed, so that the next page finds room in it. */
const roomFor = (size: number, room: Uint8Array | undefined): Buffer =>
  room !== undefined && room.length >= size
    ? Buffer.from(room.buffer, room.byteOffset, room.length)
    : Buffer.allocUnsafeSlow(Math.ceil(size * 1.1))

function writeOthers(places: readonly Named[], all: string): Written {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(all) + SLACK_BYTES)
  bytes.write(all)
  const lengths = new Uint16Array(places.length * 2)
  const odd = places.filter(({ address, claimant }, n) => {
    if (typeof address !== 'string' || typeof claimant !== 'string') return true
    const [ofAddress, ofClaimant] = [Buffer.byteLength(address), Buffer.byteLength(claimant)]
    lengths[n * 2] = ofAddress
    lengths[n * 2 + 1] = ofClaimant
    const units = address.length + claimant.length
    return address === '' || claimant === '' || units > PLAIN_MAX || ofAddress + ofClaimant > units
  })
  return { bytes, lengths, count: places.length, odd }
}
