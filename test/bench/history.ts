/**
 * `npm run bench:history`: what it costs to write the history of outcomes, and to ask it for one person. Fills the real
 * SQLite store through the recorder, as runs of a million people do, a page of 2,000 rows at a time with the cursor beside
 * it, each row with a key, an identifier and an address, and asks for people picked by chance. BENCH_ROWS (default
 * 10,000,000) says how many outcomes. Method: docs/benchmarks.md.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { eraseOutcomes } from '../../src/history/erase.js'
import { handlesOf } from '../../src/history/handles.js'
import { type OutcomeQuestion, outcomesOf } from '../../src/history/outcomes.js'
import type { Subject } from '../../src/history/page-records.js'
import type { ActionEnd } from '../../src/history/place.js'
import { Recorder } from '../../src/history/recorder.js'
import { SqliteStore } from '../../src/stores/sqlite.js'

const ROWS = Number(process.env.BENCH_ROWS ?? 10_000_000)
const PEOPLE = Math.min(1_000_000, ROWS)
const PAGE = 2_000
const ASKED = 200

const folder = await mkdtemp(join(tmpdir(), 'lakeloop-bench-history-'))
const path = join(folder, 'history.db')
const store = new SqliteStore({ path })
const place = { store, scope: { project: 'bench', sync: 'scores' } }

const identifiersOf = (n: number) => ({ customer_id: `c-${n}`, email: `person.${n}@example.com` })
const ACCEPTED: ActionEnd = { kind: 'profile', status: 'accepted' }
const REFUSED: ActionEnd = {
  kind: 'profile',
  status: 'rejected',
  reason: { code: 'ROW_REFUSED', facts: { field: 'score' } },
}
const subjectOf = (n: number): Subject => ({
  identifiers: identifiersOf(n),
  key: `row-${n}`,
  address: identifiersOf(n).email,
  ends: [n % 1_000 === 7 ? REFUSED : ACCEPTED],
})

const delay = monitorEventLoopDelay({ resolution: 1 })
let packing = 0

/** Of this process: on a machine with other work, time on the wall says how much of that there was. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

async function fill(): Promise<number> {
  const began = performance.now()
  delay.enable()
  for (let run = 0; run * PEOPLE < ROWS; run += 1) {
    const at = Date.UTC(2026, 0, 1 + run)
    const options = {
      outcomes: 'hashed',
      runId: `run-${run}`,
      turn: run + 1,
      addressedBy: 'email',
      now: () => at,
    } as const
    const recorder = await Recorder.open(place, options)
    await store.commit(recorder.begun)
    for (let from = 0; from < PEOPLE; from += PAGE) {
      const subjects = Array.from({ length: Math.min(PAGE, PEOPLE - from) }, (_, n) => subjectOf(from + n))
      const before = cpuMs()
      const ops = recorder.ops(subjects)
      packing += cpuMs() - before
      await store.commit([...ops, { op: 'put', table: 'checkpoint', key: ['bench', 'scores'], value: { run, from } }])
      await recorder.tidy((all) => store.commit(all))
    }
  }
  delay.disable()
  return performance.now() - began
}

async function timed(question: OutcomeQuestion, limit = Number.POSITIVE_INFINITY) {
  const [began, cpu] = [performance.now(), cpuMs()]
  let found = 0
  for await (const _ of outcomesOf(place, question)) if (++found >= limit) break
  return { ms: performance.now() - began, cpu: cpuMs() - cpu, found }
}

const of = (times: readonly number[], share: number): string =>
  (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN).toFixed(1)

const cpuBefore = cpuMs()
const tookMs = await fill()
const cpuTook = cpuMs() - cpuBefore
const perRow = (ms: number): string => ((ms * 1_000) / ROWS).toFixed(2)
console.log(
  `${ROWS} outcomes written in ${(tookMs / 1_000).toFixed(1)} s: ${perRow(cpuTook)} us of CPU an outcome, ${perRow(packing)} of them packing`,
)
console.log(
  `loop while writing: p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, longest ${(delay.max / 1e6).toFixed(1)} ms`,
)
console.log(`file: ${((await stat(path)).size / 1e6).toFixed(0)} MB`)
const times: number[] = []
const cpus: number[] = []
for (let nth = 0; nth < ASKED; nth += 1) {
  const person = Math.floor((nth + 0.5) * (PEOPLE / ASKED))
  const { ms, cpu, found } = await timed({ handles: handlesOf(identifiersOf(person)) })
  if (found !== Math.ceil(ROWS / PEOPLE)) throw new Error(`person ${person}: ${found} outcomes found`)
  times.push(ms)
  cpus.push(cpu)
}
for (const all of [times, cpus]) all.sort((a, b) => a - b)
console.log(
  `a person: median ${of(times, 0.5)} ms, p99 ${of(times, 0.99)} ms, longest ${of(times, 1)} ms, of ${ASKED}; CPU: median ${of(cpus, 0.5)} ms`,
)
const newest = await timed({ reason: 'ROW_REFUSED' }, 100)
console.log(`the newest 100 of a reason: ${newest.ms.toFixed(1)} ms, CPU ${newest.cpu.toFixed(1)} ms`)
const began = performance.now()
const erased = await eraseOutcomes(place, (ops) => store.commit(ops), handlesOf(identifiersOf(12)))
console.log(`erasing a person: ${((performance.now() - began) / 1_000).toFixed(2)} s, ${erased} rows of theirs`)
await store.close()
await rm(folder, { recursive: true })
