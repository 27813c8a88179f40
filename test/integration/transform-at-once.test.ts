import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform, type TransformOptions } from '../../src/transform/transform.js'
import { fatesOf } from '../transform/programs.js'
import { Watch } from './sandboxes.js'

let watch: Watch
beforeEach(() => {
  watch = new Watch()
})
afterEach(() => {
  watch.end()
})

const SOURCE = 'export default (row) => { if (row.loop) for (;;); return { email: row.email } }'
const ONE = { rows: rowBlock([{ email: 'a' }]) }
const LOOP = { rows: rowBlock([{ email: 'a', loop: true }]) }

async function using<T>(options: TransformOptions, use: (transform: Transform) => Promise<T>) {
  const transform = Transform.fromText(SOURCE, options)
  try {
    return await use(transform)
  } finally {
    await transform.close()
  }
}

describe('calls under way at once', () => {
  test.each(['process', 'thread'] as const)(
    'a call behind one that is stopped is asked for again: %s',
    async (isolation) => {
      await using({ timeoutMs: 1_000, isolation }, async (transform) => {
        const made = await Promise.all([
          transform.run(LOOP),
          transform.run(ONE),
          transform.run(LOOP),
          transform.run(ONE),
        ])
        expect(made.map(fatesOf)).toEqual([['TRANSFORM_TIMEOUT'], [1], ['TRANSFORM_TIMEOUT'], [1]])
      })
    },
  )

  test('so is one behind another that is aborted, which takes nobody along', async () => {
    await using({}, async (transform) => {
      await transform.prepare()
      const stop = new AbortController()
      const aborted = transform.run(LOOP, { signal: stop.signal })
      const behind = transform.run(ONE)
      setTimeout(() => stop.abort(), 100)
      await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
      expect(fatesOf(await behind)).toEqual([1])
    })
  })

  test('an abort while the process starts for several is that of one alone', async () => {
    await using({}, async (transform) => {
      const stop = new AbortController()
      const aborted = transform.run(ONE, { signal: stop.signal })
      const other = transform.run(ONE)
      setTimeout(() => stop.abort(), 1)
      await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
      expect(fatesOf(await other)).toEqual([1])
    })
  })

  test('close ends all of them', async () => {
    await using({}, async (transform) => {
      await transform.prepare()
      const calls = [LOOP, ONE, ONE].map((page) => transform.run(page).catch((error: { code: string }) => error.code))
      await sleep(50)
      await transform.close()
      expect(await Promise.all(calls)).toEqual(['CLOSED', 'CLOSED', 'CLOSED'])
      expect(watch.processes).toHaveLength(1)
    })
  })

  test('the slices of a page are made once each, in row order, where one of them is stopped', async () => {
    const email = (n: number): string => `person${n}@example.com`
    const page = Array.from({ length: 60 }, (_, n) => ({ email: email(n), loop: n === 25 }))
    await using({ timeoutMs: 1_000, sliceRows: 10 }, async (transform) => {
      const [made, other] = await Promise.all([
        transform.run({ rows: rowBlock(page) }),
        transform.run({ rows: rowBlock(page.filter(({ loop }) => !loop)) }),
      ])
      expect(fatesOf(made)).toEqual(page.map(({ loop }) => (loop ? 'TRANSFORM_TIMEOUT' : 1)))
      const emailsOf = page.flatMap(({ email, loop }) => (loop ? [] : [email]))
      for (const { actions } of [made, other]) {
        const emails = Array.from({ length: actions.length }, (_, at) => actions.identifiers(at).email)
        expect(emails).toEqual(emailsOf)
      }
      expect(other.rows).toHaveLength(59)
    })
  })
})
