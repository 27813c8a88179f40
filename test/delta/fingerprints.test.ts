import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fingerprints, PRINT_BYTES, PRINT_STEP } from '../../src/delta/whole/fingerprints.js'
import { writeTexts } from '../../src/delta/whole/texts.js'

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')

/** The last block of AES-128-CBC over the length of a text (32 bits, little-endian) and its bytes, filled up with zeros. */
function chained(text: string, iv: Buffer): Buffer {
  const bytes = Buffer.from(text)
  const padded = Buffer.alloc(Math.ceil((bytes.length + 4) / 16) * 16)
  padded.writeUInt32LE(bytes.length)
  bytes.copy(padded, 4)
  return createCipheriv('aes-128-cbc', KEY, iv).setAutoPadding(false).update(padded).subarray(-16)
}

const text = fc.oneof(
  fc.string({ maxLength: 70 }),
  fc.string({ maxLength: 30, unit: 'grapheme' }),
  fc.constantFrom('', 'a'.repeat(12), 'a'.repeat(13), 'a'.repeat(28), 'a'.repeat(29), 'é'.repeat(300)),
)

test('a fingerprint is the CBC-MAC of the address, and goes on with the claimant, whatever other places stand around', () => {
  const fingerprints = new Fingerprints(KEY)
  fc.assert(
    fc.property(fc.array(fc.record({ address: text, claimant: text }), { minLength: 1, maxLength: 40 }), (places) => {
      fingerprints.of(writeTexts(places))
      for (const [n, { address, claimant }] of places.entries()) {
        const ofAddress = chained(address, Buffer.alloc(16))
        const ofBoth = chained(claimant, ofAddress)
        expect(fingerprints.hashes[n]).toBe(ofAddress.readUInt32LE() >>> 1)
        for (let at = 0; at < PRINT_BYTES; at += 4)
          expect(fingerprints.prints.getUint32(n * PRINT_STEP + at, true)).toBe(ofBoth.readUInt32LE(at))
      }
    }),
    { numRuns: 200 },
  )
})

test('texts in bytes that were used before are the same, also where they are too few', () => {
  const places = [
    { address: 'ann@example.com', claimant: 'c-1' },
    { address: 'é@example.com', claimant: '1' },
  ]
  for (const some of [places.slice(0, 1), places]) {
    const { bytes, lengths } = writeTexts(some)
    const length = lengths.reduce((sum, one) => sum + one, 0)
    for (const room of [Buffer.alloc(100, 7), Buffer.alloc(5)]) {
      const other = writeTexts(some, room)
      expect(Buffer.from(other.bytes.subarray(0, length))).toEqual(Buffer.from(bytes.subarray(0, length)))
      expect([...other.lengths]).toEqual([...lengths])
    }
  }
})
