import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import type { JsonObject } from '../../src/model/value.js'
import { answer, profile, type Seen, type StubOptions, signal, stubbed } from './iterable-stub.js'

const fields = { plan: 'string' }
const people = (count: number): readonly Action[] =>
  Array.from({ length: count }, (_, index) => profile(`u${index}@example.com`))

describe('sizes are learned between runs', () => {
  test('half of what was refused, growing again run by run', async () => {
    const stub = stubbed({ fields, sizeMax: 100 })
    const many = Array.from({ length: 100 }, (_, index) => profile(`u${index}@example.com`))
    const first = await stub.destination.open(signal)
    const [request] = (await first.prepare(actionBlock(many))).requests
    stub.scripted('users/bulkUpdate', answer({ code: 'BatchTooLarge' }, 400))
    await expect(first.apply(request as never, signal)).rejects.toMatchObject({ code: 'REQUEST_TOO_LARGE' })
    expect((await first.prepare(actionBlock(many))).requests).toHaveLength(1) // frozen
    const sizes = []
    let learned = await first.close()
    for (let run = 0; run < 4; run += 1) {
      const delivery = await stub.destination.open(signal, learned)
      sizes.push((await delivery.prepare(actionBlock(many))).requests[0]?.actions.length)
      learned = await delivery.close()
    }
    expect(sizes).toEqual([50, 75, 100, 100])
    expect(learned).toEqual({ 'users/bulkUpdate': { rowsMax: 100, bytesMax: 50_625 } })
  })

  test('a row that is too large alone does not make every later run send rows one by one', async () => {
    const run = runner({ sizeMax: 100 })
    run.scripted(answer({ code: 'BatchTooLarge' }, 400))
    await run(people(1))
    expect(await run(people(100))).toEqual([100])
    for (const _ of [1, 2]) run.scripted(answer({ code: 'BatchTooLarge' }, 400))
    await run(people(2))
    expect([await run(people(6)), await run(people(6))]).toEqual([
      [1, 1, 1, 1, 1, 1],
      [2, 2, 2],
    ])
  })

  test('grow beyond 1,000 rows by half per run that filled a request, as far as its bytes go', async () => {
    const run = runner({ bytesMax: 300_000 })
    const counts = []
    for (let times = 0; times < 5; times += 1) counts.push((await run(people(3_000)))[0])
    expect(counts.slice(0, 3)).toEqual([1_000, 1_500, 2_250])
    expect(counts[4]).toBe(counts[3]) // as many as 300,000 bytes hold
    expect(counts[4]).toBeGreaterThan(2_250)
    expect(counts[4]).toBeLessThan(3_000)
  })

  test('stay where they are while no request is full', async () => {
    const run = runner()
    await run(people(1_000))
    await run(people(10))
    await run(people(10))
    expect((await run(people(3_000)))[0]).toBe(1_500)
  })

  test('go back to 1,000 rows when a larger request got no clear answer: it may be what takes too long', async () => {
    const run = runner()
    await run(people(1_000))
    run.scripted(new Error('reset'))
    expect(await run(people(1_500))).toEqual([1_500])
    expect((await run(people(1_500)))[0]).toBe(1_000)
  })

  test('never grow beyond the 1,000 items that a catalog takes at once', async () => {
    const run = runner({ sizeMax: 5_000 })
    const items = Array.from(
      { length: 1_200 },
      (_, at): Action => ({ kind: 'catalogItem', identifiers: {}, catalog: 'shoes', item: `i-${at}` }),
    )
    expect(await run(items)).toEqual([1_000, 200])
    expect(await run(items)).toEqual([1_000, 200])
  })
})

/** Runs one after the other, each with what the one before has learned; gives the rows of its requests. Faults are not asked again. */
function runner(options: StubOptions = {}) {
  const stub = stubbed({ fields, ...options })
  let learned: JsonObject = {}
  const run = async (actions: readonly Action[]): Promise<readonly number[]> => {
    const delivery = await stub.destination.open(signal, learned)
    const { requests } = await delivery.prepare(actionBlock(actions))
    for (const request of requests) await delivery.apply(request, signal).catch(() => undefined)
    learned = await delivery.close()
    return requests.map((request) => request.actions.length)
  }
  return Object.assign(run, {
    scripted: (one: Response | Error | ((seen: Seen) => Response)) => stub.scripted('users/bulkUpdate', one),
  })
}
