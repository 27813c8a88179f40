import { beforeAll, describe, expect, test } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform, type Transformed } from '../../src/transform/transform.js'
import { fatesOf } from '../transform/programs.js'
import { ISOLATION, pageOf, programOf, Watch, wall } from './stage.js'
import { all, SURVIVED } from './table.js'

const identifiersAt = ({ actions, rows }: Transformed, row: number): unknown => {
  const fate = rows[row]
  return fate?.status === 'made' ? actions.identifiers(fate.from) : undefined
}

const payloadAt = ({ actions, rows }: Transformed, row: number): string => {
  const fate = rows[row]
  return fate?.status === 'made' ? Buffer.from(actions.payload(fate.from)).toString() : ''
}

describe.each(Object.entries(SURVIVED))(`hostile programs behind a ${ISOLATION}: %s [I8]`, (_kind, escapes) => {
  const programs = all(escapes)
  const watch = new Watch()
  let made: Transformed
  let clean: string
  let left: number[]

  // All of a kind share one page, and slices and a process with it: what one does must not touch the next.
  beforeAll(async () => {
    const transform = Transform.fromText(programOf(programs), { timeoutMs: 30_000, ...wall })
    clean = payloadAt(await transform.run({ rows: rowBlock(pageOf(0).slice(0, 1)) }, { now: 0 }), 0)
    made = await transform.run({ rows: rowBlock(programs.flatMap((_, evil) => pageOf(evil))) }, { now: 0 })
    await transform.close()
    left = await watch.left()
  }, 60_000)

  test.each(programs.map(([attack, , end, shown], index) => [attack, end, shown, index] as const))(
    '%s',
    (_attack, end, shown, index) => {
      const at = index * 3
      const [before, evil, after] = fatesOf(made).slice(at, at + 3)
      expect([before, after]).toEqual([1, 1])
      expect([end].flat()).toContain(evil)
      if (shown !== undefined) expect(identifiersAt(made, at + 1)).toEqual(shown)
      expect([payloadAt(made, at), payloadAt(made, at + 2)]).toEqual([clean, clean])
    },
  )

  test('no process is left', () => {
    expect(left).toEqual([])
  })
})
