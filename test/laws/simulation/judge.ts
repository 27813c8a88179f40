import type { Action } from '../../../src/model/action.js'
import type { JsonObject } from '../../../src/model/value.js'
import type { MemoryStore } from '../../../src/stores/memory.js'
import type { Op } from '../../../src/stores/store.js'
import { customerOf, LIST, numberOf, type Told, type Truth } from './truth.js'

/** What one request holds of one row. */
export interface Arrival {
  readonly address: string
  readonly action: Action
  /** It may have arrived before, as the engine says. */
  readonly again: boolean
  /** Its sender had died: whoever looked meanwhile could not find it. */
  readonly late: boolean
  /** The request that it came with. */
  readonly request: Request
}

interface Request {
  readonly rows: readonly { readonly action: Action }[]
}

interface Written {
  readonly n: number
  readonly position: number
  readonly run: number
  readonly request: Request
}

/**
 * What the destination holds, and whether each step of a run was one that may be: judged when a request arrives and when a
 * commit took effect, against the origin and the durable state alone.
 */
export class Judge {
  readonly violations: string[] = []
  readonly truth: Truth
  readonly store: MemoryStore
  readonly members = new Set<string>()
  readonly purchases: number[] = []
  readonly events = new Set<number>()
  /** By address: the users that there are, and what they hold. */
  readonly fields = new Map<string, Map<string, Written>>()
  /** `kind n` of what the destination has answered for, whether or not the answer arrived, and for which addresses. */
  readonly answered = new Map<string, Set<string>>()
  readonly #prints = new Map<string, Set<string>>()
  /** Rows that had their outcome when the cursor came past them. A row's letter is looked for each time: it may not go before its end. */
  readonly #closed = new Set<Told>()
  run = 0
  /** Where the cursor ever stood: a run whose last commit came back without an answer leaves it further back, and reads again. */
  #furthest = 0
  #cursorAtStart = 0
  #fenced = false

  constructor(truth: Truth, store: MemoryStore) {
    this.truth = truth
    this.store = store
  }

  async begin(): Promise<void> {
    this.run += 1
    this.#fenced = false
    this.#cursorAtStart = await this.#cursor()
  }

  /** Another process holds the lease from now on. */
  fence(): void {
    this.#fenced = true
  }

  says(invariant: string, problem: string): void {
    if (this.violations.length < 5) this.violations.push(`[${invariant}] in run ${this.run}: ${problem}`)
  }

  async #cursor(): Promise<number> {
    const [found] = await this.store.get('checkpoint', [['test', 'churn']])
    return this.truth.begin((found as { cursor?: { at: number } } | undefined)?.cursor)
  }

  /** What a request holds reaches the destination. False: refused, for good. */
  async arrives({ address, action, again, late, request }: Arrival): Promise<boolean> {
    if (action.kind === 'membership') return await this.#placed(address, action.member)
    if (action.kind === 'addressChange') return this.#movedTo(action)
    const n = numberOf(action)
    const told = n === undefined ? undefined : this.truth.told[n]
    if (n === undefined || told === undefined || told.fate === 'throws' || told.fate === 'filtered') {
      this.says('no invention', `${action.kind} ${n} to ${address} was never made`)
      return true
    }
    if (told.customer !== customerOf(address)) this.says('integrity', `${action.kind} ${n} went to ${address}`)
    if (!late && !this.fields.has(address)) await this.#madeKnown(address)
    if (action.kind !== 'profile' || told.fate !== 'bad') this.#user(address)
    const answered = this.answered.get(`${action.kind} ${n}`) ?? new Set()
    this.answered.set(`${action.kind} ${n}`, answered.add(address))
    if (action.kind === 'purchase') await this.#bought(told, again || late)
    if (action.kind === 'event') this.events.add(n)
    if (action.kind !== 'profile') return true
    if (told.fate === 'bad') return false
    this.#write(told, action, { address, request })
    return true
  }

  /** Who may become a user is written down before: a run that dies now leaves somebody of whom the next one knows. */
  async #madeKnown(address: string): Promise<void> {
    const bindings = await this.store.scan('binding', { prefix: ['test'], limit: 1_000 })
    const first = await this.store.scan('firstWrite', { prefix: ['test'], limit: 1_000 })
    const isBound = bindings.some(({ value }) => (value as { address: string }).address === address)
    if (isBound || first.some(({ value }) => (value as string[]).includes(address))) return
    this.says('I1', `${address} was written to for the first time, and nothing tells of it`)
  }

  /** Whoever is told of is a user from then on. */
  #user(address: string): Map<string, Written> {
    const held = this.fields.get(address) ?? new Map<string, Written>()
    this.fields.set(address, held)
    return held
  }

  /** A user keeps fields and places; an address that a user has already is refused, and so is one of nobody. */
  #movedTo({ from, to }: Extract<Action, { kind: 'addressChange' }>): boolean {
    if (customerOf(from) !== customerOf(to)) this.says('integrity', `${from} became ${to}`)
    const held = this.fields.get(from)
    if (held === undefined) return this.fields.has(to) // it was moved before
    if (this.fields.has(to)) return false
    this.fields.delete(from)
    this.fields.set(to, held)
    if (this.members.delete(from)) this.members.add(to)
    return true
  }

  /** True where a customer is a user under another address: what arrives late for this one arrived before that. */
  isElsewhere(address: string): boolean {
    return !this.fields.has(address) && [...this.fields.keys()].some((one) => customerOf(one) === customerOf(address))
  }

  #write(
    told: Told,
    action: Extract<Action, { kind: 'profile' }>,
    { address, request }: Pick<Arrival, 'address' | 'request'>,
  ): void {
    const held = this.#user(address)
    const position = this.truth.position(told.n)
    for (const field of Object.keys(action.dataFields ?? {})) {
      const before = held.get(field)
      // What came together comes together again, whole or in parts: the newer one is on its way behind the older.
      const isTogether = before?.request.rows.some((row) => row.action === action) === true
      const isOlder = before !== undefined && position < before.position && !isTogether
      const isRepeat = this.truth.mode === 'changes' && position >= this.#cursorAtStart
      if (isOlder && (before.run === this.run || (this.truth.mode === 'changes' && !isRepeat))) {
        this.says('I6', `${field} of ${address} went back from change ${before.n} to ${told.n}`)
      }
      held.set(field, { n: told.n, position, run: this.run, request })
    }
  }

  async #bought({ n, key }: Told, again: boolean): Promise<void> {
    const kept = await this.store.scan('fingerprint', { prefix: ['test', 'churn', `r${key}`], limit: 100 })
    const parked = await this.store.scan('parked', { prefix: ['test', 'churn', `r${key}`], limit: 100 })
    const isIntent = ({ value }: { value: unknown }) => {
      const { intent, sent } = (value ?? {}) as { intent?: unknown; sent?: unknown }
      return intent !== undefined || sent === true
    }
    if (!again && ![...kept, ...parked].some(isIntent)) this.says('I2', `purchase ${n} was sent without an intent`)
    const isThere = this.purchases.includes(n)
    if (isThere && !again) this.says('I2', `purchase ${n} was sent twice, and not looked up`)
    if (!isThere) this.purchases.push(n)
  }

  async #placed(address: string, member: boolean): Promise<boolean> {
    const [state] = await this.store.get('membership', [['test', `s:${LIST}`, address]])
    if (state !== 'unknown') this.says('I1', `a place on the list was asked for without an intent (${String(state)})`)
    if (member) this.members.add(address)
    else this.members.delete(address)
    return true
  }

  /** A commit took effect. */
  async committed(ops: readonly Op[]): Promise<void> {
    for (const op of ops) {
      if (op.op === 'check') continue
      if (op.table === 'fingerprint' && op.op === 'put') this.#remembered(op.key, op.value as JsonObject | string)
      if (op.table === 'membership') this.#settled(op)
      if (op.table === 'checkpoint' && op.op === 'put') {
        if (this.#fenced) this.says('lease', 'the cursor was written by a process that had lost its lease')
        await this.#moved(op.value as JsonObject)
      }
    }
  }

  #settled(op: Exclude<Op, { op: 'check' }>): void {
    const address = op.key.at(-1) as string
    const state = op.op === 'put' ? op.value : 'absent'
    if (state === 'unknown' || this.members.has(address) === (state === 'member')) return
    this.says('I1', `${address} was remembered as ${String(state)}, and the destination knows nothing of it`)
  }

  /** No more fingerprints than the destination has answered for: early ones show as one too many. */
  #remembered(key: readonly string[], value: JsonObject | string): void {
    const [who, kind] = key.slice(2) as [string, string]
    const name = kind === 'address' ? customerOf(who) : `${who} ${kind}` // what is known of a profile moves along with it
    const { of: written, accepted } = (typeof value === 'string' ? {} : value) as { of?: string[][]; accepted?: string }
    const whole = typeof value === 'string' ? value : (accepted ?? written?.at(-1)?.[1])
    if (whole === undefined) return
    // Of an event or a purchase the part that is the person's: who moves has not bought again.
    const print = kind === 'address' ? whole : (whole.split(' ').at(-1) as string)
    const prints = this.#prints.get(name) ?? new Set<string>()
    this.#prints.set(name, prints.add(print))
    const answers = this.truth.told.flatMap(({ key: row, customer, fate, n }) => {
      if (kind !== 'address') return `r${row}` === who ? [...(this.answered.get(`${kind} ${n}`) ?? [])] : []
      return customer === name && fate === 'ok' && this.answered.has(`profile ${n}`) ? [customer] : []
    })
    if (prints.size > answers.length) this.says('I1', `${name} was remembered before the destination had answered`)
  }

  /** The cursor never stands behind a row that has no outcome, and dead letters are there before it moves. */
  async #moved({ cursor }: JsonObject): Promise<void> {
    const { at = 0, of: generation = 0 } = (cursor ?? {}) as { at?: number; of?: number }
    if (this.truth.mode === 'snapshot' && generation !== this.truth.generation) return
    this.#furthest = Math.max(this.#furthest, at)
    for (const told of this.truth.rows.slice(0, at)) {
      if (this.#closed.has(told) && told.fate !== 'throws') continue
      const open = await this.#openIn(told)
      if (open !== undefined)
        return this.says('I3', `the cursor stands at ${at}, and ${open} of change ${told.n} is open`)
      this.#closed.add(told)
    }
    await this.#noneOutdated(at)
  }

  /** A version of its row that was read later, that stands before `at` and that became actions: it ends the row's letter. */
  #newer({ key, n }: Pick<Told, 'key' | 'n'>, at: number): Told | undefined {
    return this.truth.rows
      .slice(0, at)
      .find((told) => told.key === key && told.n > n && (told.fate === 'ok' || told.fate === 'bad'))
  }

  async #noneOutdated(at: number): Promise<void> {
    const letters = await this.store.scan('deadLetter', { prefix: ['test', 'churn'], limit: 1_000 })
    for (const { key, value } of letters) {
      if (key.at(-1) !== 'row') continue
      const letter = this.truth.told[(value as { row: { n: number } }).row.n] as Told
      const newer = this.#newer(letter, at)
      if (newer === undefined) continue
      this.says('I6', `the dead letter of change ${letter.n} is there, and change ${newer.n} of its row became actions`)
    }
  }

  async #openIn(told: Told): Promise<string | undefined> {
    const { n, fate, event, buys } = told
    if (fate === 'filtered') return undefined
    if (fate === 'throws') {
      return this.#newer(told, this.#furthest) !== undefined || (await this.#isKept(told, 'row'))
        ? undefined
        : 'a dead letter'
    }
    for (const kind of ['profile', ...(event ? ['event'] : []), ...(buys ? ['purchase'] : [])]) {
      const isRefused = fate === 'bad' && kind === 'profile'
      const isDone = this.answered.has(`${kind} ${n}`)
      if ((isRefused || !isDone) && !(await this.#isKept(told, kind))) return kind
    }
    return undefined
  }

  /** As a dead letter or parked; or a newer one is, or was answered since and took its place. */
  async #isKept({ n, key, customer, fields }: Told, kind: string): Promise<boolean> {
    const place = ['test', 'churn', `r${key}`, kind]
    const kept = await Promise.all((['deadLetter', 'parked'] as const).map((table) => this.store.get(table, [place])))
    const numbers = kept.flat().map((value) => {
      const { action, row } = (value ?? {}) as { action?: Action; row?: { n: number } }
      return row?.n ?? (action === undefined ? -1 : (numberOf(action) ?? -1))
    })
    if (numbers.some((number) => number >= n)) return true
    return this.truth.told.some((told) => {
      const says = told.key === key || (kind === 'profile' && told.customer === customer)
      const isNewer = says && told.n > n && fields.every((field) => told.fields.includes(field))
      return isNewer && this.answered.has(`${kind} ${told.n}`)
    })
  }
}
