/// <reference types="ses" />
/** A locked-down realm as in src/transform/child/realm.ts, which runs short programs that require packages. */
import 'ses'
import { escaped } from '../../../src/transform/child/escape.js'
import { tamed } from '../../../src/transform/child/globals.js'
import { Packages } from '../../../src/transform/child/packages.js'
import { Random } from '../../../src/transform/child/random.js'

const RealIntl = Intl
const RealDate = Date
const REAL = globalThis as unknown as Record<string, unknown>
const RealFunction = Function

lockdown({
  errorTaming: 'unsafe',
  stackFiltering: 'verbose',
  overrideTaming: 'severe',
  consoleTaming: 'unsafe',
  domainTaming: 'unsafe',
  evalTaming: 'safe-eval',
  regExpTaming: 'safe',
  localeTaming: 'safe',
  errorTrapping: 'none',
  unhandledRejectionTrapping: 'none',
  reporting: 'none',
} as unknown as Parameters<typeof lockdown>[0])

let packages: Packages
let answer = ''

/** JSON of `{ slug, source }[]`: what programs may require from now on. */
export function give(sources: string): void {
  packages = new Packages(JSON.parse(sources) as { slug: string; source: string }[])
}

function batch(seed: string, now: number, logs: unknown[]) {
  const random = new Random(seed)
  random.startRow(0)
  const log = (level: string, values: readonly unknown[]): void => void logs.push([level, ...values])
  const world = { now, random: () => random.next(), log }
  return { world, require: packages.open(world) }
}

/** Evaluates the body of an async function of `require` and `names` in a batch of its own; `said` gives the result. */
export function run(body: string, seed: string, now: number): void {
  answer = '{"thrown":"the promise does not settle"}'
  const logs: unknown[] = []
  const { world, require } = batch(seed, now, logs)
  const program = tamed(world, {}).evaluate(`(async (require, names) => {"use strict";\n${escaped(body)}\n})`) as (
    ...given: unknown[]
  ) => Promise<unknown>
  program(require, require.namespace).then(
    (value) => {
      answer = JSON.stringify({ value, logs })
    },
    (thrown: unknown) => {
      answer = JSON.stringify({ thrown: `${(thrown as Error)?.name}: ${(thrown as Error)?.message}`, logs })
    },
  )
}

/** What no package may hand out, whatever it needs. (`harden` only freezes; SES leaves it on `Object` for all.) */
const FORBIDDEN = new Map<unknown, string>([
  [REAL, 'the global object of the realm'],
  [RealFunction, 'the Function of the realm'],
  [RealDate, 'the clock'],
  [RealIntl, 'the Intl of the realm'],
  [RealIntl.DateTimeFormat, 'the real DateTimeFormat'],
  [RealIntl.DateTimeFormat.prototype, 'the prototype of the real DateTimeFormat'],
  ...['lockdown', 'Compartment', 'eval'].map((name) => [REAL[name], name] as const),
])
const BUFFERS = new Set<unknown>([ArrayBuffer, DataView, Uint8Array, Uint16Array, Uint32Array, Int32Array])

/** Walks over everything that hangs on a package, getters and prototypes included; `said` gives what must not be there. */
export function look(slug: string, has: string): void {
  const { require } = batch('', 0, [])
  const found = new Set<string>()
  const seen = new Set<unknown>()
  const queue: unknown[] = [require(slug), require.namespace(slug), require]
  for (let at = 0; at < queue.length && at < 300_000; at += 1) {
    const value = queue[at]
    if (Object(value) !== value || seen.has(value)) continue
    seen.add(value)
    const loot = FORBIDDEN.get(value)
    if (loot !== undefined) found.add(loot)
    if (BUFFERS.has(value) && !has.includes('bytes')) found.add('buffers')
    if (makesCode(value) && !has.includes('code')) found.add('a Function that makes code')
    queue.push(...held(value as object))
  }
  answer = JSON.stringify({ value: [...found] })
}

function makesCode(value: unknown): boolean {
  if (typeof value !== 'function' || (value as { prototype?: unknown }).prototype !== RealFunction.prototype)
    return false
  try {
    return typeof (value as (text: string) => unknown)('return 1') === 'function'
  } catch {
    return false
  }
}

function held(value: object): unknown[] {
  const all: unknown[] = [Reflect.getPrototypeOf(value)]
  for (const key of Reflect.ownKeys(value)) {
    const property = Reflect.getOwnPropertyDescriptor(value, key)
    all.push(property?.value, property?.get, property?.set)
    try {
      if (property?.get !== undefined) all.push(Reflect.get(value, key))
    } catch {
      // a getter that throws hands nothing out
    }
  }
  return all
}

export const said = (): string => answer
