import fc from 'fast-check'

/** What goes wrong at the nth request of a run. */
export const REQUEST_FAULTS = [
  'unclear, not applied',
  'unclear, applied',
  'throttled',
  'refused whole',
  'credential',
] as const
export type RequestFault = (typeof REQUEST_FAULTS)[number]

/** What goes wrong at the nth commit of a run. */
export const COMMIT_FAULTS = ['disk full', 'commit unclear', 'lease taken'] as const
export type CommitFault = (typeof COMMIT_FAULTS)[number]

/** What a run does next in the order that the scheduler picks: after each of these steps it can die. */
export const STEPS = ['a request arrives', 'an answer arrives', 'a commit takes effect', 'a commit returns'] as const
export type Step = (typeof STEPS)[number] | 'a timer is over'

/** One row as the origin wrote it. */
export interface Change {
  /** Of the row; rows of one key come again and again. */
  readonly key: number
  /** Shows the customer's address beside the customer's id. */
  readonly shows: boolean
  /** The customer has another address from here on, and the row shows it. */
  readonly moves: boolean
  readonly member: boolean
  readonly event: boolean
  readonly buys: boolean
  /** `bad`: the destination refuses its profile, always. */
  readonly fate: 'ok' | 'bad' | 'throws' | 'filtered'
}

export interface RunScript {
  readonly pageSize: number
  readonly concurrency: number
  /** Rows per request. */
  readonly sizeMax: number
  readonly requestFaults: ReadonlyMap<number, RequestFault>
  readonly commitFaults: ReadonlyMap<number, CommitFault>
  /** The step after which everything is dropped but what is durable. */
  readonly dieAfter: number | undefined
  /** What was on its way when the process died arrives all the same. */
  readonly lateArrivals: boolean
  readonly cancelAfter: number | undefined
}

export interface Generation {
  readonly changes: readonly Change[]
  /** Keys that are not in the snapshot any more. */
  readonly leaves: readonly number[]
  /** Runs with faults; then come those without. */
  readonly runs: readonly RunScript[]
}

export interface History {
  readonly mode: 'changes' | 'snapshot'
  readonly generations: readonly Generation[]
}

const KEYS = 6

const change: fc.Arbitrary<Change> = fc
  .record({
    key: fc.nat(KEYS - 1),
    shows: fc.oneof({ weight: 2, arbitrary: fc.constant(true) }, fc.constant(false)),
    moves: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, fc.constant(true)),
    member: fc.boolean(),
    event: fc.boolean(),
    buys: fc.boolean(),
    fate: fc.oneof(
      { weight: 12, arbitrary: fc.constant('ok' as const) },
      fc.constantFrom('bad' as const, 'throws' as const, 'filtered' as const),
    ),
  })
  // A refusal is of the row that the destination has seen; who is refused while nobody knows the address is another story.
  .map((one) => (one.fate === 'bad' || one.moves ? { ...one, shows: true } : one))

const nth = <T>(max: number, faults: readonly T[]): fc.Arbitrary<ReadonlyMap<number, T>> =>
  fc.array(fc.tuple(fc.nat(max), fc.constantFrom(...faults)), { maxLength: 3 }).map((pairs) => new Map(pairs))

const runScript: fc.Arbitrary<RunScript> = fc.record({
  pageSize: fc.integer({ min: 1, max: 4 }),
  concurrency: fc.integer({ min: 1, max: 6 }),
  sizeMax: fc.integer({ min: 1, max: 3 }),
  requestFaults: nth(15, REQUEST_FAULTS),
  commitFaults: fc.oneof({ weight: 2, arbitrary: fc.constant(new Map()) }, nth(15, COMMIT_FAULTS)),
  dieAfter: fc.option(fc.nat(90), { nil: undefined, freq: 5 }),
  // Few processes die while a request is on its way: where one does, it mostly arrives.
  lateArrivals: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
  cancelAfter: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.nat(60)),
})

const generation: fc.Arbitrary<Generation> = fc.record({
  changes: fc.array(change, { maxLength: 36, size: 'large' }),
  leaves: fc.uniqueArray(fc.nat(KEYS - 1), { maxLength: 2 }),
  runs: fc.array(runScript, { minLength: 1, maxLength: 2 }),
})

export const history: fc.Arbitrary<History> = fc.record({
  mode: fc.constantFrom('changes', 'changes', 'snapshot'),
  generations: fc.array(generation, { minLength: 1, maxLength: 3 }),
})

/** The same without anything that goes wrong. */
export const CLEAN: RunScript = {
  pageSize: 3,
  concurrency: 3,
  sizeMax: 3,
  requestFaults: new Map(),
  commitFaults: new Map(),
  dieAfter: undefined,
  lateArrivals: false,
  cancelAfter: undefined,
}
