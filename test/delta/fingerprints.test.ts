import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fingerprints } from '../../src/delta/whole/fingerprints.js'
import { writeTexts } from '../../src/delta/whole/texts.js'

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')

/** Each twelve bytes of a text encrypted behind their number, which text it is, and its length; all added up bit by bit. */
function macOf(text: string, kind: 0 | 1): Buffer {
  const bytes = Buffer.from(text)
  const sum = Buffer.alloc(16)
  for (let chunk = 0; chunk === 0 || chunk * 12 < bytes.length; chunk += 1) {
    const block = Buffer.alloc(16)
    block.writeUInt32LE(chunk * 2 ** 17 + kind * 2 ** 16 + bytes.length)
    bytes.copy(block, 4, chunk * 12, chunk * 12 + 12)
    const encrypted = createCipheriv('aes-128-ecb', KEY, null).setAutoPadding(false).update(block)
    for (let at = 0; at < 16; at += 1) sum[at] = (sum[at] as number) ^ (encrypted[at] as number)
  }
  return sum
}

const text = fc.oneof(
  fc.string({ maxLength: 70 }),
  fc.string({ maxLength: 30, unit: 'grapheme' }),
  fc.constantFrom('', 'a'.repeat(12), 'a'.repeat(13), 'a'.repeat(28), 'a'.repeat(29), 'é'.repeat(300)),
)

test('a fingerprint is the XOR MAC of the address and of the claimant, whatever other places stand around', () => {
  const fingerprints = new Fingerprints(KEY)
  fc.assert(
    fc.property(fc.array(fc.record({ address: text, claimant: text }), { minLength: 1, maxLength: 40 }), (places) => {
      fingerprints.of(writeTexts(places))
      for (const [n, { address, claimant }] of places.entries()) {
        const [a, c] = [macOf(address, 0), macOf(claimant, 1)]
        const hash = a.readUInt32LE() >>> 1
        expect(fingerprints.hashes[n]).toBe(hash)
        const mac = (a.readUInt32LE(4) ^ c.readUInt32LE(4)) >>> 11
        expect((fingerprints.words[n] as number) >>> 0).toBe((hash % 2 ** 11) * 2 ** 21 + mac)
        expect(fingerprints.tails[n]).toBe(a.readUInt16LE(8) ^ c.readUInt16LE(8))
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
