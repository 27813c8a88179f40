import { FakeIterable } from 'lakeloop/testing'
import { IterableDestination } from '../../../src/destinations/iterable/iterable-destination.js'
import { LakeloopError } from '../../../src/errors.js'
import { actionBlock } from '../../../src/model/action-block.js'
import type { Outcome } from '../../../src/model/outcome.js'
import type { JsonObject } from '../../../src/model/value.js'
import { Dispatcher, type Settled } from '../../../src/sync/dispatch.js'
import { openRetrying, RETRY_LIMITS } from '../../../src/sync/retry.js'
import { type Endpoint, PUBLISHED_RATES } from '../../../src/vendors/iterable/endpoints.js'
import { faultyFetch, type Mishap } from './faulty-net.js'
import type { Script, Step } from './script.js'
import { DEADLINE_MS, drawn, SimulatedTime } from './simulated-time.js'

const RATES = Object.fromEntries(Object.keys(PUBLISHED_RATES).map((name) => [name, 1_000])) as Record<Endpoint, number>
/** Blocks on their way at once, as in `Sync`. */
const BLOCKS_AT_ONCE = 2

/** The work may be done and nobody hears of it. */
const LOSING: ReadonlySet<Mishap> = new Set<Mishap>([
  'reset after apply',
  'stalled body',
  'empty 200',
  'truncated JSON',
  'HTML 200',
  'wrong counts',
])

/** What a script has come to. */
export interface Played {
  readonly fake: FakeIterable
  /** By mark. */
  readonly outcomes: ReadonlyMap<number, Outcome>
  /** Addresses that a mishap named as failed. */
  readonly named: ReadonlySet<string>
  /** Addresses of whom a single row was counted as failed though it was applied. */
  readonly liedAbout: ReadonlySet<string>
  /** Addresses that were written to before an answer was lost or a part was refused: what was refused may stand there. */
  readonly lost: ReadonlySet<string>
  /** Addresses whose row was refused for its size. */
  readonly tooLarge: ReadonlySet<string>
  readonly mishaps: ReadonlyMap<Mishap, number>
  readonly runs: number
}

/** The rest of one process's life: what it remembers is what the next one begins with. */
class Life {
  readonly script: Script
  readonly time = new SimulatedTime()
  readonly fake: FakeIterable
  readonly outcomes = new Map<number, Outcome>()
  readonly #intents = new Set<number>()
  readonly named = new Set<string>()
  readonly liedAbout = new Set<string>()
  readonly lost = new Set<string>()
  readonly tooLarge = new Set<string>()
  readonly mishaps = new Map<Mishap, number>()
  readonly #random: () => number
  #learned: JsonObject = {}
  #isDead = false
  #cancel = new AbortController()

  constructor(script: Script) {
    this.script = script
    this.#random = drawn(script.seed ^ 0xfa17)
    this.fake = new FakeIterable({
      projectType: script.projectType,
      rates: 'off',
      now: this.time.now,
      fields: { seats: 'long' },
      lists: ['vip', 'news', { name: 'rule', type: 'Dynamic' }],
      catalogs: ['shoes'],
      disallowedEvents: ['secret'],
      unsure: script.unsure,
      ...(script.batchRowsMax === undefined ? {} : { batchRowsMax: script.batchRowsMax }),
    })
  }

  get open(): boolean {
    return this.script.blocks.flat().some(({ mark }) => !this.outcomes.has(mark))
  }

  /** One run: what has no outcome is sent. It may end early in any way. */
  async run(rate: number, blocks = this.script.blocks): Promise<void> {
    const { script, time } = this
    this.#isDead = false
    this.#cancel = new AbortController()
    const clock = time.engine(this.#random)
    const limits = { ...RETRY_LIMITS, attemptsMax: script.attemptsMax }
    const { signal } = this.#cancel
    const destination = this.#destination(rate)
    try {
      const delivery = await openRetrying(destination, { clock, limits, signal, learned: this.#learned })
      const { concurrency } = script
      await this.#send(new Dispatcher({ delivery, clock, limits, signal, concurrency }), blocks)
      const learned = await delivery.close()
      if (!this.#isDead) this.#learned = learned
    } catch (error) {
      if (!(error instanceof LakeloopError) && !(error instanceof Death)) throw error
    }
  }

  #destination(rate: number): IterableDestination {
    const { script, fake, time } = this
    const onMishap = (mishap: Mishap, addresses: readonly string[]) => this.#met(mishap, addresses)
    const onLost = (addresses: readonly string[]) => addresses.forEach((address) => void this.lost.add(address))
    return new IterableDestination({
      project: 'law',
      apiKey: 'fake-key',
      dataCenter: 'us',
      projectType: script.projectType,
      addressBy: script.addressBy,
      baseUrl: 'https://api.iterable.com',
      share: 1,
      rates: RATES,
      sizeMax: script.sizeMax,
      timeoutMs: DEADLINE_MS,
      clock: time.transport,
      fetch: faultyFetch({ fake, time, random: this.#random, rate, onMishap, onLost }),
      createNewFields: true,
      lists: { create: true },
      catalogs: { create: true },
    })
  }

  #met(mishap: Mishap, addresses: readonly string[]): void {
    this.mishaps.set(mishap, (this.mishaps.get(mishap) ?? 0) + 1)
    if (mishap === 'the process dies') this.#isDead = true
    if (mishap === 'the process dies' || mishap === 'the run is cancelled') this.#cancel.abort()
    if (LOSING.has(mishap)) for (const address of addresses) this.lost.add(address)
    if (mishap === 'too large' || mishap === 'failed rows') this.#mayBeThere(addresses)
    if (mishap === 'failed rows') for (const address of addresses) this.named.add(address)
    const [only] = addresses
    if (addresses.length !== 1 || only === undefined) return
    if (mishap === 'wrong counts') this.liedAbout.add(only)
    if (mishap === 'too large') this.tooLarge.add(only)
  }

  /** A part of a request that was taken apart: its rows may have been applied with the whole, before this part was refused. */
  #mayBeThere(addresses: readonly string[]): void {
    const first = this.script.blocks[0]?.length ?? 0
    const written = new Set(this.fake.ledger.entries.slice(first).map(({ address }) => address))
    for (const address of addresses) if (written.has(address)) this.lost.add(address)
  }

  /** Changes of an address alone, other blocks a few at once; nothing new after a failure. */
  async #send(dispatcher: Dispatcher, blocks: Script['blocks']): Promise<void> {
    const flying = new Set<Promise<void>>()
    const failures: unknown[] = []
    for (const block of blocks) {
      const steps = block.filter(({ mark }) => !this.outcomes.has(mark))
      const isMove = steps[0]?.action.kind === 'addressChange' || !this.script.addressed
      while (flying.size >= (isMove ? 1 : BLOCKS_AT_ONCE)) await Promise.race(flying)
      if (failures.length > 0) break
      const flight = this.#sendBlock(dispatcher, steps)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => flying.delete(flight))
      flying.add(flight)
      if (isMove) await flight
    }
    await Promise.all(flying)
    if (failures.length > 0) throw failures[0]
  }

  #sendBlock(dispatcher: Dispatcher, steps: readonly Step[]): Promise<void> {
    const { addressed } = this.script
    const origins = steps.map(({ mark, about, action }) => ({
      key: `row-${mark}`,
      ...(addressed && action.kind !== 'catalogItem' ? { address: about } : {}),
    }))
    const marks = (indexes: readonly number[]) => indexes.map((index) => steps[index]?.mark as number)
    return dispatcher.send(
      actionBlock(
        steps.map(({ action }) => action),
        origins,
      ),
      {
        onSettled: async (settled) => this.#remember(settled, steps),
        onIntent: async (indexes) => {
          this.#live()
          for (const mark of marks(indexes)) this.#intents.add(mark)
        },
        maybeSent: (index) => this.#intents.has(steps[index]?.mark as number),
      },
    )
  }

  #remember({ outcomes }: Settled, steps: readonly Step[]): void {
    this.#live()
    for (const [index, outcome] of outcomes) {
      const { mark } = steps[index] as Step
      if (this.outcomes.has(mark)) throw new Error(`action ${mark} was settled twice`)
      if (outcome.status !== 'parked') this.outcomes.set(mark, outcome)
    }
  }

  #live(): void {
    if (this.#isDead) throw new Death('dead')
  }
}

class Death extends Error {}

/** Runs with faults, and then one without, in which everything has to come to its end. */
export async function played(script: Script): Promise<Played> {
  const life = new Life(script)
  let runs = 0
  await life.run(0, script.blocks.slice(0, 1))
  for (; runs < script.faulty && life.open; runs += 1) await life.run(script.rate)
  if (life.open) {
    runs += 1
    await life.run(0)
  }
  return { ...life, runs }
}
