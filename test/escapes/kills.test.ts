import { afterAll, describe, expect, test } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform } from '../../src/transform/transform.js'
import { fatesOf } from '../transform/programs.js'
import type { Escape } from './programs/escape.js'
import { ISOLATION, OVERSHOOT_MAX_MS, pageOf, programOf, RETRIES, Watch, wall } from './stage.js'
import { all, KILLS } from './table.js'

const LIMIT_MS: Readonly<Record<string, number>> = { time: 300, memory: 3_000 }

/** One row that ends the process, between two that do not: each row is asked for alone, so that its deadline can be measured. */
async function run(hostile: Escape, timeoutMs: number) {
  const watch = new Watch()
  const transform = Transform.fromText(programOf([hostile]), {
    timeoutMs,
    memoryMb: 32,
    sliceRows: 1,
    spare: false,
    ...wall,
  })
  await transform.prepare()
  watch.start()
  const startedAt = performance.now()
  const made = await transform.run({ rows: rowBlock(pageOf(0)) })
  const stillMs = watch.stillMs()
  await transform.close()
  const left = await watch.left()
  const tookMs = (watch.closedAt[0] ?? Number.POSITIVE_INFINITY) - startedAt
  return { fates: fatesOf(made), processes: watch.processes.length, left, stillMs, overshootMs: tookMs - timeoutMs }
}

// Anything else than a process shares its fate with the host: memory, and time where a built-in cannot be interrupted.
describe.runIf(ISOLATION === 'process').each(Object.entries(KILLS))('hostile programs: %s [I8]', (kind, escapes) => {
  const worst = { overshootMs: Number.NEGATIVE_INFINITY, stillMs: 0 }
  afterAll(() => {
    const { overshootMs, stillMs } = worst
    console.log(
      `${kind}: deadlines at most ${Math.round(overshootMs)} ms late, the host still for ${Math.round(stillMs)} ms`,
    )
  })

  test.each(all(escapes).map((hostile) => [hostile[0], hostile] as const))(
    '%s',
    { retry: RETRIES },
    async (_attack, hostile) => {
      const { fates, processes, left, stillMs, overshootMs } = await run(hostile, LIMIT_MS[kind] ?? 0)
      worst.overshootMs = Math.max(worst.overshootMs, overshootMs)
      worst.stillMs = Math.max(worst.stillMs, stillMs)
      expect([fates[0], fates[2]]).toEqual([1, 1])
      expect([hostile[2]].flat()).toContain(fates[1])
      expect(processes).toBe(2)
      expect(left).toEqual([])
      expect(overshootMs).toBeLessThanOrEqual(OVERSHOOT_MAX_MS)
      expect(stillMs).toBeLessThanOrEqual(OVERSHOOT_MAX_MS)
    },
  )
})
