import { describe, expect, test } from 'vitest'
import { causeOf } from '../../src/errors.js'
import { rowBlock, type Schema } from '../../src/model/row.js'
import type { Source } from '../../src/sources/source.js'
import { World } from './world.js'

const SCHEMA: Schema = {
  columns: ['id', 'email', 'score'].map((name) => ({ name, type: 'string', nullable: true })),
}
const BROKEN = new Error('p1@example.com of canary.example.com')

/** A source of a host's own, which throws what its driver throws. */
function source(more: Partial<Source>): Source {
  return {
    name: 'theirs',
    key: ['id'],
    async *read() {
      const rows = rowBlock([{ id: 'c-1', email: 'p1@example.com', score: 1 }], { key: ['id'] })
      yield { schema: SCHEMA, rows, cursor: { at: 1 }, mode: 'changes' }
      throw BROKEN
    },
    describe: async () => SCHEMA,
    close: async () => undefined,
    ...more,
  }
}

const fails = async (): Promise<never> => Promise.reject(BROKEN)

describe('what a source throws is told with its name, and not as something outside of lakeloop:', () => {
  test('behind a page', async () => {
    const world = new World()
    const sync = world.sync([], { source: source({}) })
    const report = await sync.run()
    expect(report.status).toBe('failed')
    expect(report.error?.message).toMatch(/^SOURCE_FAILED: the source theirs failed while reading\. /)
    expect(JSON.stringify(report)).not.toContain('canary')
    expect((await sync.plan()).error?.code).toBe('SOURCE_FAILED')
  })

  test('where its columns are asked for', async () => {
    const sync = new World().sync([], { source: source({ describe: fails }) })
    expect((await sync.run()).error?.code).toBe('SOURCE_FAILED')
    const error: unknown = await sync.types().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'SOURCE_FAILED', facts: { source: 'theirs' } })
    expect(causeOf(error)).toBe(BROKEN)
  })

  test('where it is asked for its head', async () => {
    const sync = new World().sync([], { source: source({ head: fails }), start: 'now' })
    expect((await sync.run()).error?.code).toBe('SOURCE_FAILED')
  })
})

test('a source whose driver throws at the abort of its signal does not make a cancelled run a failed one', async () => {
  const stop = new AbortController()
  const aborting = source({
    async *read({ signal }) {
      stop.abort()
      signal.throwIfAborted()
      yield* []
    },
  })
  const report = await new World().sync([], { source: aborting }).run({ signal: stop.signal })
  expect([report.status, report.error?.code]).toEqual(['cancelled', 'ABORTED'])
})
