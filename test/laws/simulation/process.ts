import { setImmediate } from 'node:timers/promises'
import type fc from 'fast-check'
import { ListDeltaComputer } from '../../../src/delta/list-delta.js'
import type { Destination, PreparedRequest } from '../../../src/destinations/destination.js'
import { LakeloopError } from '../../../src/errors.js'
import { IdentityResolver } from '../../../src/identity/resolver.js'
import type { Outcome } from '../../../src/model/outcome.js'
import type { RunReport } from '../../../src/model/report.js'
import type { Op, Store } from '../../../src/stores/store.js'
import type { Clock } from '../../../src/sync/clock.js'
import { Sync } from '../../../src/sync/sync.js'
import { plainTransform } from '../../sync/plain-transform.js'
import { RecordingDestination } from '../../sync/recording-destination.js'
import type { Judge } from './judge.js'
import type { CommitFault, RequestFault, RunScript, Step } from './script.js'
import { actionsOf } from './truth.js'

type Recorded = RecordingDestination['sent'][number]

/** The process is gone. */
class Death extends Error {}

/** How often each fault was met, and after which step processes died. */
export const hits: Record<string, number> = {}
const hit = (what: string): void => {
  hits[what] = (hits[what] ?? 0) + 1
}

/** Wall time of all processes, in ms: it goes on with every timer that is over. */
export interface Time {
  ms: number
}

/**
 * One process that runs the sync once. Whatever leaves it (a request, a commit, a timer) waits until the scheduler picks
 * it, so that answers and commits come in any order; after any of these steps it can die, and then nothing of it has an
 * effect any more, but for requests that were on their way already.
 */
export class SimulatedProcess {
  readonly #judge: Judge
  readonly #script: RunScript
  readonly #scheduler: fc.Scheduler
  readonly #time: Time
  readonly #cancel = new AbortController()
  readonly #flying = new Set<string>()
  readonly #commits: (() => Promise<void>)[] = []
  #underway = 0
  #requests = 0
  #committed = 0
  #steps = 0
  #random = 1
  #ended = false
  dead = false

  constructor(judge: Judge, script: RunScript, scheduler: fc.Scheduler, time: Time) {
    this.#judge = judge
    this.#script = script
    this.#scheduler = scheduler
    this.#time = time
  }

  /** Runs the sync to its end, or to the process's own: then `undefined`. */
  async run(): Promise<RunReport | undefined> {
    await this.#judge.begin()
    let ended: { readonly report: RunReport } | { readonly thrown: unknown } | undefined
    const running = this.#sync().run({ signal: this.#cancel.signal, graceMs: 5_000 })
    running.then(
      (report) => {
        ended = { report }
      },
      (thrown: unknown) => {
        ended = { thrown }
      },
    )
    for (let still = 0; ended === undefined; ) {
      await setImmediate() // the host's loop turns until nothing of the run is left to do but what the scheduler holds back
      await setImmediate()
      if (this.#scheduler.count() > 0) still = await this.#scheduler.waitNext(1).then(() => 0)
      else if (ended === undefined && ++still > 1_000) throw new Error('the run stands still')
    }
    this.#ended = true
    if (this.dead) return undefined
    if ('thrown' in ended) throw ended.thrown
    return ended.report
  }

  /** Waits for its turn. Whoever waits in a process that has died in the meantime waits in vain. */
  async #step(step: Step): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), step)
    if (this.#ended) return
    this.#assertAlive()
  }

  /** A step was made: is it the last one? */
  #made(step: Step): void {
    if (this.dead || this.#ended) return
    const nth = this.#steps++
    if (nth === this.#script.cancelAfter) {
      hit('cancelled')
      this.#cancel.abort()
    }
    if (nth !== this.#script.dieAfter) return
    hit(`died after: ${step}`)
    this.dead = true
    this.#assertAlive()
  }

  #assertAlive(): void {
    if (this.dead) throw new Death()
  }

  #sync(): Sync {
    const store = this.#store()
    const namespaces = {
      customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
      email: { priority: 2, maxIdentifiers: 5 },
    }
    return new Sync({
      name: 'churn',
      source: this.#judge.truth.source(),
      transform: plainTransform(actionsOf(this.#judge.truth), ['n']),
      identity: new IdentityResolver({ store, target: 'email', namespaces }),
      lists: new ListDeltaComputer({ store, guard: { removedShareMax: 1 } }),
      destination: this.#destination(),
      store,
      clock: this.#clock(),
      pageSize: this.#script.pageSize,
      concurrency: this.#script.concurrency,
      settleMs: 0,
    })
  }

  #clock(): Clock {
    return {
      now: () => this.#time.ms,
      elapsed: () => this.#time.ms,
      random: () => {
        this.#random = (this.#random * 1_103_515_245 + 12_345) % 2 ** 31
        return this.#random / 2 ** 31
      },
      sleep: async (ms, signal) => {
        if (signal.aborted || ms <= 0) return
        const due = this.#time.ms + ms
        const over = this.#scheduler.schedule(Promise.resolve(), 'a timer is over').then(() => {
          if (signal.aborted) return
          this.#time.ms = Math.max(this.#time.ms, due)
          this.#made('a timer is over')
        })
        const aborted = new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        )
        await Promise.race([over.catch(() => undefined), aborted])
      },
    }
  }

  /** Commits take effect in the order in which they were asked for, as in every store of ours. */
  #store(): Store {
    const base = this.#judge.store
    const alive = async <T>(go: () => Promise<T>): Promise<T> => {
      this.#assertAlive()
      return await go()
    }
    return {
      supports: base.supports,
      get: (table, keys) => alive(() => base.get(table, keys)),
      scan: (table, range) => alive(() => base.scan(table, range)),
      close: async () => undefined,
      commit: (ops) =>
        alive(() => {
          const done = new Promise<void>((resolve, reject) => {
            this.#commits.push(() => this.#commit(ops).then(resolve, reject))
          })
          this.#step('a commit takes effect').then(
            () => this.#commits.shift()?.(),
            () => this.#commits.shift()?.(),
          )
          return done
        }),
    }
  }

  async #commit(ops: readonly Op[]): Promise<void> {
    this.#assertAlive()
    const { store } = this.#judge
    const fault = this.#script.commitFaults.get(this.#committed++)
    if (fault !== undefined) await this.#failing(fault)
    if (fault === 'disk full') throw new LakeloopError('STORE_FULL', { file: 'lakeloop.db' })
    await store.commit(ops)
    await this.#judge.committed(ops)
    this.#made('a commit takes effect')
    await this.#step('a commit returns')
    this.#made('a commit returns')
    if (fault === 'commit unclear') throw new LakeloopError('STORE_FAILED', { problem: 'the answer was lost' })
  }

  async #failing(fault: CommitFault): Promise<void> {
    hit(fault)
    if (fault !== 'lease taken') return
    const key = ['test', 'churn', 'holder']
    const [holder] = await this.#judge.store.get('lease', [key])
    if (holder === undefined) return
    const value = { ...(holder as object), pid: -1, fence: (holder as { fence: number }).fence + 1 }
    await this.#judge.store.commit([
      { op: 'put', table: 'lease', key, value },
      { op: 'put', table: 'lease', key: ['test', 'churn', 'until'], value: this.#time.ms + 60_000 },
    ])
    this.#judge.fence()
  }

  #destination(): Destination {
    const recording = new RecordingDestination({ sizeMax: this.#script.sizeMax })
    const destination: Destination = {
      name: recording.name,
      project: recording.project,
      addressedBy: recording.addressedBy,
      close: async () => undefined,
      open: async () => ({
        ...(await recording.open()),
        apply: (request, _signal, again = false) => this.#apply(request as Recorded, again),
      }),
    }
    return destination
  }

  async #apply(request: PreparedRequest & Recorded, again: boolean): Promise<readonly Outcome[]> {
    this.#assertAlive()
    const about = [...new Set(request.rows.map(({ address }) => address))]
    for (const one of about)
      if (this.#flying.has(one)) this.#judge.says('I6', `two requests of ${one} are on their way`)
    for (const one of about) this.#flying.add(one)
    if (++this.#underway > this.#script.concurrency) this.#judge.says('I12', 'more requests are on their way than may')
    const fault = this.#script.requestFaults.get(this.#requests++)
    try {
      return await this.#answer(request, again, fault)
    } finally {
      this.#underway -= 1
      for (const one of about) this.#flying.delete(one)
    }
  }

  async #answer(request: Recorded, again: boolean, fault: RequestFault | undefined): Promise<readonly Outcome[]> {
    const facts = { endpoint: 'apply' }
    if (fault !== undefined) hit(fault)
    await this.#scheduler.schedule(Promise.resolve(), 'a request arrives')
    if (this.dead && !this.#script.lateArrivals) throw new Death()
    if (this.dead) hit('arrived after the death of its sender')
    if (fault === 'throttled') throw new LakeloopError('DESTINATION_THROTTLED', { ...facts, afterMs: 1_000 })
    if (fault === 'credential') throw new LakeloopError('DESTINATION_UNAUTHORIZED', facts)
    if (fault === 'refused whole' && request.rows.length > 1) throw new LakeloopError('REQUEST_REFUSED', facts)
    const isApplied = fault === undefined || fault === 'unclear, applied'
    const outcomes: Outcome[] = []
    for (const { address, action } of isApplied ? request.rows : []) {
      if (this.dead && this.#judge.isElsewhere(address)) throw new Death()
      if (action.kind === 'addressChange') hit('an address changed')
      const isTaken = await this.#judge.arrives({ address, action, again, late: this.dead, request })
      if (!isTaken) hit('row refused')
      const code =
        action.kind === 'addressChange' && !this.#judge.fields.has(action.from) ? 'USER_UNKNOWN' : 'DATA_INVALID'
      if (code === 'USER_UNKNOWN' && !isTaken) hit('nobody to be moved')
      outcomes.push(isTaken ? { status: 'accepted' } : { status: 'rejected', reason: { code, facts: {} } })
    }
    this.#made('a request arrives')
    await this.#step('an answer arrives')
    this.#made('an answer arrives')
    if (fault !== undefined) throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', facts)
    return outcomes
  }
}
