/// <reference types="ses" />
/** What runs in the program's realm beside it: trusted, and out of its reach (I8). */
import './utc.js'
import './freezing.js'
import 'ses'
import './freezing-done.js'
import type { Answer, Request } from '../protocol.js'
import { Batch } from './batch.js'
import { type Body, Pages } from './columns.js'
import { Packages } from './packages.js'
import { loadProgram, type Program } from './program.js'
import { Refused } from './refused.js'
import { Rows } from './rows.js'
import { Together } from './together.js'

lockdown({
  errorTaming: 'unsafe', // nobody else shares the realm, and positions come from stacks
  stackFiltering: 'verbose',
  overrideTaming: 'severe',
  consoleTaming: 'unsafe',
  domainTaming: 'unsafe', // the realm has no `process`, so no domain
  evalTaming: 'safe-eval',
  regExpTaming: 'safe',
  localeTaming: 'safe',
  errorTrapping: 'none',
  unhandledRejectionTrapping: 'none',
  reporting: 'none',
} as unknown as Parameters<typeof lockdown>[0])

interface Output {
  readonly header: string
  readonly body: Body | undefined
}

let request: Request
let texts: string[] = []
let program: Program | undefined
let batch: Batch | Together | undefined
const pages = new Pages()
let output: Output = { header: '', body: undefined }

const settle = (answer: Answer, body?: Body): void => {
  output = { header: JSON.stringify(answer), body }
}

/** What it refuses ends as an answer; what else is thrown is a fault of ours and ends the process. */
function guarded(run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!Refused.is(error)) throw error
    batch = undefined
    settle({ type: 'refused', code: error.code, facts: error.facts })
  }
}

/** Takes the next request; `step` works it off. */
export function begin(header: string): void {
  request = JSON.parse(header) as Request
  texts = []
  batch = undefined
}

/** Takes a piece of the request's rows: a JSON array. */
export function add(text: string): void {
  texts[texts.length] = text
}

/** Runs under the watchdog, until done or until a promise of the program does not settle. */
export function step(): void {
  guarded(() => {
    if (request.type === 'load') {
      const loaded = loadProgram(request, new Packages(request.packages))
      program = 'type' in loaded ? undefined : loaded
      settle('type' in loaded ? loaded : { type: 'loaded', ...loaded.facts })
      return
    }
    const Work = program?.batch === true ? Together : Batch
    batch ??= new Work(program as Program, request, new Rows(texts), pages)
    texts = []
    batch.run()
  })
}

/** True where microtasks have run dry and a row still waits: it is given up, and `step` goes on behind it. */
export function stalled(): boolean {
  return batch?.giveUp() ?? false
}

export function take(): Output {
  if (batch !== undefined) settle(batch.answer(), batch.made.columns.body())
  batch = undefined
  return output
}

const { then } = Promise.prototype
const heeded = new WeakSet<object>()
const ignore = (): void => undefined

/**
 * Gives a promise that has just settled a listener, so that a rejection which the program dropped does not become the
 * host's, where they share a thread. One that would run the program's code for it is left alone.
 */
export function heed(promise: Promise<unknown>): void {
  if (heeded.has(promise) || Object.getPrototypeOf(promise) !== Promise.prototype) return
  if (!Object.hasOwn(promise, 'constructor')) heeded.add(Reflect.apply(then, promise, [ignore, ignore]) as object)
}

export interface Realm {
  readonly heed: typeof heed
  readonly begin: typeof begin
  readonly add: typeof add
  readonly step: typeof step
  readonly stalled: typeof stalled
  readonly take: typeof take
}
