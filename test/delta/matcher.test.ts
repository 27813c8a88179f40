import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { Matcher } from '../../src/delta/whole/matcher.js'
import { writeTexts } from '../../src/delta/whole/texts.js'

/** How often the loop of this thread turns while work is done. */
async function turnsOf(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let isOn = true
  const turn = (): void => {
    turns += 1
    if (isOn) setImmediate(turn)
  }
  setImmediate(turn)
  await work()
  isOn = false
  return turns
}

test('wishes that are sorted and matched in the host’s thread let its loop turn, though many wait for that at once', async () => {
  const matcher = new Matcher({ directory: tmpdir(), key: Buffer.alloc(16) })
  const page = writeTexts(Array.from({ length: 60_000 }, (_, n) => ({ address: `${n}@x`, claimant: `c${n}` })))
  await matcher.add({ ...page, wants: new Uint8Array(60_000).fill(1) })
  expect(await turnsOf(() => matcher.end())).toBeGreaterThanOrEqual(3)
  const parts = Array.from({ length: 256 }, (_, part) => part)
  const kept = { prints: new Uint8Array(0), told: new Int32Array(0) }
  const match = () => matcher.match({ parts, next: [], kept, opensUnseen: true })
  expect(await turnsOf(match)).toBeGreaterThanOrEqual(3)
  await matcher.close()
})
