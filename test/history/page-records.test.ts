import { expect, test } from 'vitest'
import { handleOf, handlesOf, keyHandle } from '../../src/history/handles.js'
import { outcomesOf } from '../../src/history/outcomes.js'
import type { Subject } from '../../src/history/page-records.js'
import { Recorder } from '../../src/history/recorder.js'
import { MemoryStore } from '../../src/stores/memory.js'

test('a row with more identifiers than most is found by each of them, and the one behind it too', async () => {
  const place = { store: new MemoryStore(), scope: { project: 'p', sync: 's' } }
  const options = { outcomes: 'hashed', runId: 'run-1', turn: 1, addressedBy: 'email', now: () => 1 } as const
  const recorder = await Recorder.open(place, options)
  const identifiers = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`id_${n}`, `value-${n}`]))
  const ends = [{ kind: 'profile', status: 'accepted' }] as const
  const many: Subject = { identifiers, key: 'k-1', address: 'one@example.com', ends }
  const next: Subject = { identifiers: {}, key: 'k-2', address: undefined, ends }
  await place.store.commit([...recorder.begun, ...recorder.ops([many, next])])

  const found = async (handle: string): Promise<number> => {
    let entries = 0
    for await (const _ of outcomesOf(place, { handles: [handle] })) entries += 1
    return entries
  }
  const handles = [...handlesOf(identifiers), handleOf('email', 'one@example.com'), keyHandle('k-1'), keyHandle('k-2')]
  expect(await Promise.all(handles.map(found))).toEqual(handles.map(() => 1))
  expect(await found(handleOf('id_0', 'value-40'))).toBe(0)
})

test('neither key nor address of somebody who was forgotten stands in the clear', async () => {
  const place = { store: new MemoryStore(), scope: { project: 'p', sync: 's' } }
  const options = { outcomes: 'plain', runId: 'run-1', turn: 1, addressedBy: 'email', now: () => 1 } as const
  const recorder = await Recorder.open(place, options)
  const reason = { code: 'USER_FORGOTTEN', facts: {} }
  const subject = (name: string, ends: Subject['ends']): Subject => ({
    identifiers: { email: `${name}@example.com` },
    key: `k-${name}`,
    address: `${name}@example.com`,
    ends,
  })
  const ops = recorder.ops([
    subject('bob', [{ kind: 'profile', status: 'accepted' }]),
    subject('ann', [{ kind: 'profile', status: 'rejected', reason }]),
  ])
  expect(JSON.stringify(ops)).toContain('k-bob')
  expect(JSON.stringify(ops)).not.toContain('ann')
})
