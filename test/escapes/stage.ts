import type { ChildProcess } from 'node:child_process'
import diagnostics from 'node:diagnostics_channel'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '../../src/model/value.js'
import type { TransformOptions } from '../../src/transform/transform.js'
import type { Escape } from './programs/escape.js'

/** The wall that the table runs behind. Some programs end the whole host where it is not a process: those are left out there. */
export const ISOLATION = process.env.ESCAPES_ISOLATION ?? 'process'
export const wall = (ISOLATION === 'process' ? {} : { isolation: ISOLATION }) as TransformOptions

/** How late a deadline may be, and how long the host may stand still, in ms. */
export const OVERSHOOT_MAX_MS = 250

/** A neighbour on the machine may make one measurement late, and not three. */
export const RETRIES = 2

/** What a row does that is not hostile: uses what the hostile ones would spoil, and tells what it found. */
const PROOF = `const proof = () => JSON.stringify([
  [3, 1, 2].sort().map((n) => n * 2), [[1], 2].flat(), Object.keys({ a: 1 }), ({}).polluted ?? 'clean', [].polluted ?? 'clean',
  (() => 1).polluted ?? 'clean', 'a-b'.split('-'), String(/(b)/.exec('abc')), Math.max(1, 2), new Date(0).toISOString(),
  typeof Date.now(), [...new Set([1, 1])], [...new Map([[1, 2]]).keys()], Error('x').message, String(Error('y')), typeof globalThis.x,
  JSON.parse('{"a":[1]}'), typeof new Error().stack, [1].concat([2]), 'x'.replace(/x/, 'y'), Symbol('d').description,
])`

/** One program of all the bodies: a row names its body by `evil`; others are harmless, and asynchronous where they say so. */
export function programOf(escapes: readonly Escape[]): string {
  const bodies = escapes.map(([, body]) => `(row, ctx) => { ${body} }`).join(',\n')
  return `${PROOF}
const evil = [${bodies}]
const harmless = (row) => ({ email: row.email, dataFields: { proof: proof() } })
export default (row, ctx) => {
  if (row.evil !== undefined) return evil[row.evil](row, ctx)
  return row.later ? Promise.resolve(row).then(harmless) : harmless(row)
}`
}

/** A hostile row between two harmless ones. */
export const pageOf = (evil: number): JsonObject[] => [
  { email: 'before' },
  { email: 'x', evil },
  { email: 'after', later: true },
]

/** Watches the host: the sandboxes it starts, and how long its loop stands still. */
export class Watch {
  readonly processes: ChildProcess[] = []
  /** When the pipes of each had closed, on the clock of `performance`. */
  readonly closedAt: number[] = []
  readonly #loop = monitorEventLoopDelay({ resolution: 5 })
  readonly #note = (message: unknown): void => {
    const { process: child } = message as { process: ChildProcess }
    const index = this.processes.push(child) - 1
    child.once('close', () => {
      this.closedAt[index] = performance.now()
    })
  }

  constructor() {
    diagnostics.subscribe('child_process', this.#note)
  }

  /** The longest that the loop stood still from now on, in ms, is what `stillMs` tells. */
  start(): void {
    this.#loop.enable()
    this.#loop.reset()
  }

  stillMs(): number {
    this.#loop.disable()
    return this.#loop.max / 1e6
  }

  /** Process ids that are still there some time after everything was closed. */
  async left(): Promise<number[]> {
    diagnostics.unsubscribe('child_process', this.#note)
    const alive = (): number[] => this.processes.map(({ pid }) => pid ?? 0).filter(isAlive)
    for (let waited = 0; waited < 3_000 && alive().length > 0; waited += 20) await sleep(20)
    return alive()
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch {
    return false
  }
}
