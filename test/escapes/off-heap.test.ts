import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform } from '../../src/transform/transform.js'
import { fatesOf } from '../transform/programs.js'
import { ISOLATION, OVERSHOOT_MAX_MS, RETRIES, Watch } from './stage.js'

/** What a process holds in memory, in MB. */
function residentMb(pid: number | undefined): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024
  } catch {
    return 0
  }
}

/** A package that gives bytes gives their constructor with them, which makes memory outside of V8's heap. */
const BYTES = `import { parse } from 'uuid'
const Bytes = parse('6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b').constructor
`
const evil = (body: string): string => `${BYTES}export default async (row) => {
  if (row.evil) { ${body} }
  return { email: row.email }
}`

const PROGRAMS: readonly (readonly [attack: string, body: string])[] = [
  ['4 GB of bytes', 'const all = []; for (let i = 0; i < 64; i += 1) all.push(new Bytes(2 ** 26).fill(1))'],
  ['4 GB of small pieces', 'const all = []; for (let i = 0; i < 2 ** 16; i += 1) all.push(new Bytes(2 ** 16).fill(1))'],
  ['one piece of 4 GB', 'new Bytes(2 ** 32).fill(1)'],
  [
    'bytes from one that is there',
    'const all = [new Bytes(2 ** 26).fill(1)]; for (let i = 0; i < 64; i += 1) all.push(all[i].slice())',
  ],
  [
    'buffers alone',
    'const all = []; for (let i = 0; i < 64; i += 1) all.push(new Bytes(2 ** 26).fill(1).buffer.slice(0))',
  ],
  [
    'bytes turn by turn',
    'const all = []; for (let i = 0; i < 64; i += 1) { await null; all.push(new Bytes(2 ** 26).fill(1)) }',
  ],
]

// Elsewhere nothing tells a host what a process of its own holds; a thread holds what the host does.
describe.runIf(ISOLATION === 'process' && process.platform === 'linux')('memory outside of the heap [I8]', () => {
  test.each(PROGRAMS)(
    '%s: the process ends, and the row alone is rejected',
    { retry: RETRIES },
    async (_attack, body) => {
      const watch = new Watch()
      let mostMb = 0
      const timer = setInterval(() => {
        mostMb = Math.max(mostMb, ...watch.processes.map(({ pid }) => residentMb(pid)))
      }, 5)
      await using transform = Transform.fromText(evil(body), { timeoutMs: 20_000, memoryMb: 64, spare: false })
      await transform.prepare()
      watch.start()
      const rows = [{ email: 'before' }, { email: 'x', evil: true }, { email: 'after' }]
      const made = await transform.run({ rows: rowBlock(rows) })
      const stillMs = watch.stillMs()
      clearInterval(timer)
      await transform.close()
      expect(fatesOf(made)).toEqual([1, 'TRANSFORM_OUT_OF_MEMORY', 1])
      expect(mostMb).toBeLessThan(64 + 512 + 256)
      expect(stillMs).toBeLessThanOrEqual(OVERSHOOT_MAX_MS)
      expect(await watch.left()).toEqual([])
    },
  )
})
