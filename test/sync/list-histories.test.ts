import { expect, test } from 'vitest'
import type { Row } from '../../src/model/row.js'
import type { Existing } from '../../src/sync/existing.js'
import { FakeIterable } from '../../src/testing/index.js'
import { type Dice, diceOf } from '../delta/list-faults.js'
import { type Dying, ListLife } from './list-life.js'
import { VirtualClock } from './virtual-clock.js'

/** Of the histories of lists so many live through whole runs: they cost more. */
const HISTORIES = Math.ceil(Number(process.env.LIST_HISTORIES ?? 600) / 25)
const FIRST_SEED = Number(process.env.LIST_SEED ?? Date.now() % 1_000_000)

const FAULTS = [
  'snapshot',
  'snapshot with a row of nobody',
  'snapshot empty',
  'changes',
  'source broke off',
  'died at a commit',
  'died at a request',
  'pass gone on with',
  'pass left half-way',
  'row rejected by the program',
  'row rejected by Iterable',
  'row without an address',
  'address shared',
  'email changed, moved there',
  'email changed, not moved there',
  'address refused by the list',
  'guard held',
  'members before: ignore',
  'members before: adopt',
  'members before: reconcile',
  'snapshot that could be of a member found',
] as const
type FaultName = (typeof FAULTS)[number]
const hits = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<FaultName, number>

/** Faults on the wire that a run outlives, or that end it. */
const ON_THE_WIRE = [
  'throttle',
  'server error',
  'unavailable',
  'reset before apply',
  'reset after apply',
  'empty 200',
  'truncated JSON',
  'HTML 502',
  'failure in 200',
] as const
const wire: Record<string, number> = Object.fromEntries(ON_THE_WIRE.map((kind) => [kind, 0]))

const REFUSED = 'never@example.com'
/** On the list before there was a sync; the last one is in rows too. */
const BEFORE = ['old.1@example.com', 'old.2@example.com', 'home@example.com']
const SHARED = ['home@example.com', 'desk@example.com', REFUSED]

/** A reading of the source, and what the rows of it decide. */
interface Pass {
  readonly rows: readonly Row[]
  readonly complete: boolean
  /** By row key: on the list or not; undecided ones are `undefined`. */
  readonly says: ReadonlyMap<string, boolean | undefined>
  /** False where a row could be anybody's. */
  readonly tied: boolean
  /** Holds a rejected row without an address. */
  readonly faceless: boolean
  /** May be left half-way, and holds rows that are undecided. */
  readonly rough: boolean
  /** Emails whose profile is refused throughout. */
  readonly refused: readonly string[]
}

/**
 * People in rows, an Iterable and a sync over a random life. What docs/lists.md promises is kept beside it in a map: who
 * claims a place, and under which address.
 */
class Life {
  readonly #dice: Dice
  readonly #life: ListLife
  readonly #guarded: boolean
  /** By row key: `c-` people keep one profile over their emails, `r-` rows are as good as their email. */
  readonly #people = new Map<string, { email: string; on: boolean }>()
  /** By row key: the address claimed. */
  readonly #claims = new Map<string, string>()
  /** Members that the list had before, and that no row has spoken of: adopted, or another's for ever. */
  readonly #found: Set<string>
  readonly #members: Existing['members']
  /** A whole audience has yet to decide about them. */
  #open: boolean
  #emails = 0
  #days = 0
  /** False once a pass was left half-way for another one: which of its rows count is then open until the end. */
  #sure = true
  crashed = false

  constructor(seed: number) {
    this.#dice = diceOf(seed)
    const clock = new VirtualClock()
    this.#members = (['ignore', 'adopt', 'reconcile'] as const)[this.#dice(3)] as Existing['members']
    met(`members before: ${this.#members}`)
    this.#open = this.#members !== 'ignore'
    const before = BEFORE.filter((address) => this.#dice(3) > 0 && (this.#open || !SHARED.includes(address)))
    this.#found = new Set(before)
    const lists = before.length > 0 ? ['at-risk'] : []
    const fake = new FakeIterable({ projectType: 'email', rates: 'off', now: () => clock.now(), lists })
    for (const address of before) fake.ledger.lists[0]?.members.add(address)
    this.#life = new ListLife(fake, clock)
    fake.faults.refuse([REFUSED], { endpoint: 'lists/subscribe' })
    // A text that is cut off is known by its length on the wire, which there is none of here.
    const kinds = ON_THE_WIRE.filter((kind) => !this.#open || kind !== 'truncated JSON')
    fake.faults.seeded(seed, { rate: 0.08, kinds })
    this.#guarded = this.#dice(3) > 0
  }

  async live(): Promise<void> {
    for (let passes = 3 + this.#dice(4); passes > 0; passes -= 1) {
      this.#time()
      await this.#finish(this.#pass(), this.#guarded && this.#dice(2) === 0)
    }
    this.#time()
    if (!this.#sure) {
      // What was left half-way is brought to its end, and the snapshot after it decides about everybody.
      await this.#finish(this.#snapshot(false), false)
      this.#sure = true
      this.#claims.clear()
      if (this.#members !== 'ignore') this.#found.clear()
    }
    await this.#finish(this.#snapshot(false), false)
    for (const [kind, times] of Object.entries(this.#life.fake.faults.hits)) wire[kind] = (wire[kind] ?? 0) + times
  }

  #time(): void {
    for (let times = 1 + this.#dice(7); times > 0; times -= 1) {
      const id = this.#dice(2) === 0 ? `c-${this.#dice(6)}` : `r-${this.#dice(6)}`
      const before = this.#people.get(id)
      const on = this.#dice(4) > 0
      if (this.#dice(3) === 0) this.#people.delete(id)
      else if (id.startsWith('r-')) {
        const email = SHARED[this.#dice(SHARED.length)] as string
        this.#people.set(id, { email, on })
        if (email === REFUSED) met('address refused by the list')
        if (before !== undefined && before.email !== email) met('email changed, not moved there')
      } else if (before === undefined || this.#dice(3) > 0) {
        this.#people.set(id, { email: before?.email ?? this.#email(id), on })
      } else {
        met('email changed, moved there')
        this.#people.set(id, { email: this.#email(id), on })
      }
    }
  }

  #email(id: string): string {
    this.#emails += 1
    return `${id}.${this.#emails}@example.com`
  }

  #pass(): Pass {
    const kind = this.#dice(10)
    if (kind < 4) return this.#snapshot(true)
    if (kind < 6) {
      met('snapshot with a row of nobody')
      const pass = this.#snapshot(true)
      const nobody: Row = { id: 'x', email: 'x@example.com', on: true, score: Number.NaN, at: this.#at(), bad: false }
      const at = this.#dice(pass.rows.length + 1)
      return { ...pass, rows: pass.rows.toSpliced(at, 0, nobody), tied: false }
    }
    if (kind === 6) {
      met('snapshot empty')
      return { rows: [], complete: true, says: new Map(), tied: true, faceless: false, rough: true, refused: [] }
    }
    met('changes')
    return this.#rows(
      [...this.#people.keys()].filter(() => this.#dice(2) === 0),
      { complete: false, rough: true },
    )
  }

  #snapshot(rough: boolean): Pass {
    met('snapshot')
    return this.#rows([...this.#people.keys()], { complete: true, rough })
  }

  #rows(ids: readonly string[], { complete, rough }: { complete: boolean; rough: boolean }): Pass {
    this.#days += 1
    const says = new Map<string, boolean | undefined>()
    const refused: string[] = []
    const rows = ids.map((id): Row => {
      const { email, on } = this.#people.get(id) as { email: string; on: boolean }
      const row = { id, email, on, score: this.#days + 0.5, at: this.#at(), bad: false }
      const drawn = rough ? this.#dice(12) : 99
      // Without an address, who was never seen with one would wait to be known.
      const luck = drawn === 2 && id.startsWith('c-') && !this.#addressOf.has(id) ? 99 : drawn
      says.set(id, luck < 2 || (luck === 2 && id.startsWith('r-')) ? undefined : on)
      if (luck === 0) met('row rejected by the program')
      if (luck === 1) met('row rejected by Iterable')
      if (luck === 1) refused.push(email)
      if (luck === 2) met('row without an address')
      return luck === 0 ? { ...row, bad: true } : luck === 2 ? { ...row, email: null } : row
    })
    // Whoever shares the email of a refused profile is refused with it.
    for (const [at, id] of ids.entries()) if (refused.includes(String(rows[at]?.email))) says.set(id, undefined)
    const faceless = rows.some(({ id, email, bad }) => bad === true || (email === null && String(id).startsWith('r-')))
    return { rows, complete, says, tied: true, faceless, rough, refused }
  }

  #at(): string {
    return new Date(Date.UTC(2026, 0, this.#days + 1)).toISOString()
  }

  /** Runs until the pass has come to its end, through whatever goes wrong, and compares after every run. */
  async #finish(pass: Pass, guarded: boolean): Promise<void> {
    const { fake } = this.#life
    fake.faults.refuse((address) => pass.refused.includes(address) && this.#current === pass, {
      endpoint: 'users/bulkUpdate',
    })
    this.#current = pass
    const before = new Set(fake.ledger.members('at-risk'))
    const kept = this.#sure ? this.#kept(pass) : []
    for (let runs = 1; ; runs += 1) {
      if (runs > 30) throw new Error('the pass never ends')
      const dying = runs < 5 && this.#dice(3) === 0 ? this.#dying() : undefined
      const breaksAfter = runs < 3 && this.#dice(pass.tied ? 4 : 2) === 0 ? 1 + this.#dice(3) : undefined
      const { rows, complete } = pass
      const report = await this.#life.run({ rows, complete, dying, breaksAfter, guarded, members: this.#members })
      if (report === undefined) {
        met(dying?.at === 'commit' ? 'died at a commit' : 'died at a request')
        this.crashed = true
      }
      for (const address of kept) {
        if (before.has(address))
          expect(`${fake.ledger.members('at-risk').includes(address)} ${address}`).toBe(`true ${address}`)
      }
      if (report?.error?.code === 'SOURCE_FAILED' || report?.error?.code === 'RUN_FAILED') met('source broke off')
      const held = report?.error?.code === 'LIST_GUARD'
      if (held) met('guard held')
      if (held || report?.status === 'complete') {
        this.#decide(pass, held)
        if (!held && this.#sure) this.#compare()
        return
      }
      if (report === undefined && pass.rough && this.#dice(6) === 0) {
        met('pass left half-way')
        this.#sure = false
        return
      }
      if (report !== undefined && report.status !== 'failed') throw new Error(`ended with ${report.error?.code}`)
      met('pass gone on with')
    }
  }

  #current: Pass | undefined

  /** Addresses that may not leave, however the pass goes: somebody claims them before and after it. */
  #kept({ complete, tied, says }: Pass): readonly string[] {
    const kept: string[] = this.#members === 'ignore' ? [...this.#found] : []
    for (const [id, address] of this.#claims) {
      const isThere = says.has(id)
      const stays = isThere ? says.get(id) !== false : !complete || !tied || says.size === 0
      if (stays && (!isThere || this.#people.get(id)?.email === address)) kept.push(address)
    }
    return kept
  }

  #decide({ complete, tied, faceless, says, rows }: Pass, held: boolean): void {
    const couldBeFound = faceless && this.#open
    if (couldBeFound && complete) met('snapshot that could be of a member found')
    for (const [id, on] of says) {
      const email = rows.find((row) => row.id === id)?.email
      const { email: known } = this.#people.get(id) as { email: string }
      // Who is known by customer_id is followed, whatever became of the rest of the row that showed the new email.
      const followed =
        id.startsWith('c-') && typeof email === 'string' && rows.find((row) => row.id === id)?.bad !== true
      if (on === true) this.#claims.set(id, typeof email === 'string' ? known : (this.#addressOf.get(id) ?? known))
      else if (on === false) this.#claims.delete(id)
      else if (followed && this.#claims.has(id)) this.#claims.set(id, known)
      if (followed) this.#addressOf.set(id, known)
      if (on !== undefined && this.#open && typeof email === 'string') this.#found.delete(email)
    }
    if (complete && tied && !couldBeFound && !held && says.size > 0) {
      for (const id of this.#claims.keys()) if (!says.has(id)) this.#claims.delete(id)
      // Whose row was refused is still there, and not decided about.
      const undecided = rows.filter(({ id, bad }) => says.get(String(id)) === undefined && bad !== true)
      const stay = new Set(undecided.map(({ email }) => email))
      if (this.#open) for (const address of this.#found) if (!stay.has(address)) this.#found.delete(address)
      // It is asked for again, before the next run.
      this.#open &&= this.#members === 'reconcile' || this.#found.size > 0
    }
    if (new Set(this.#claims.values()).size < this.#claims.size) met('address shared')
  }

  /** What identity knows as the address of who is known by customer_id. */
  readonly #addressOf = new Map<string, string>()

  #compare(): void {
    const wanted = new Set([...this.#claims.values(), ...this.#found].filter((address) => address !== REFUSED))
    expect([...this.#life.fake.ledger.members('at-risk')].sort()).toEqual([...wanted].sort())
  }

  #dying(): Dying {
    const at = this.#dice(2) === 0 ? 'commit' : 'request'
    return { at, nth: this.#dice(at === 'commit' ? 16 : 10), after: this.#dice(2) === 0 }
  }
}

function met(fault: FaultName): void {
  hits[fault] += 1
}

test('[I1] [I5] [I11] runs keep a list of Iterable to its rows, whatever breaks or dies', async () => {
  const diverged: string[] = []
  let crashed = 0
  for (let nth = 0; nth < HISTORIES; nth += 1) {
    const seed = FIRST_SEED + nth
    const life = new Life(seed)
    await life.live().catch((error: unknown) => {
      diverged.push(`LIST_SEED=${seed} LIST_HISTORIES=1: ${(error as Error).message}`)
    })
    crashed += Number(life.crashed)
  }
  const seeds = `seeds ${FIRST_SEED} to ${FIRST_SEED + HISTORIES - 1}`
  process.stdout.write(
    `list histories through runs: ${HISTORIES} (${seeds}), ${crashed} crashed, ${diverged.length} diverged; met ${JSON.stringify({ ...hits, ...wire })}\n`,
  )
  expect(diverged.slice(0, 5)).toEqual([])
  if (HISTORIES < 100) return
  expect(Object.entries({ ...hits, ...wire }).filter(([, times]) => times < HISTORIES / 20)).toEqual([])
  expect(crashed / HISTORIES).toBeGreaterThanOrEqual(0.3)
}, 600_000)
