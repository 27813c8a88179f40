import type { Action } from '../../../src/model/action.js'
import type { Row } from '../../../src/model/row.js'
import { RowsSource } from '../../../src/sources/from-rows.js'
import type { Page, ReadOptions, Source } from '../../../src/sources/source.js'
import type { Change, Generation, History } from './script.js'

export const LIST = 'at-risk'

/** A row with the number of its change, which no other change has. */
export interface Told extends Change {
  readonly n: number
  readonly customer: string
  /** Where the origin has the customer. */
  readonly address: string
  readonly fields: readonly string[]
}

/** Whose address it is. */
export const customerOf = (address: string): string => address.replace(/[.@].*/, '')

const COLUMNS = { key: 'string', n: 'int', at: 'timestamp', customer: 'string', email: 'string', fate: 'string' }
const SCHEMA = { columns: Object.entries(COLUMNS).map(([name, type]) => ({ name, type, nullable: true })) }

/**
 * What the origin holds, and what has to be true of the destination for it. In `changes` a log: a row of a key comes again
 * for each change, and two keys write to one customer. In a `snapshot` the rows that there are, one of each customer.
 */
export class Truth {
  readonly mode: History['mode']
  /** All changes ever, by number. */
  readonly told: Told[] = []
  /** What a read gives today, in order. */
  rows: Told[] = []
  /** How often each customer has moved. */
  readonly #moves = new Map<string, number>()
  /** All rows that a read ever gave. */
  readonly #shown: Told[] = []
  generation = 0

  constructor(mode: History['mode']) {
    this.mode = mode
  }

  enter({ changes, leaves }: Generation): void {
    this.generation += 1
    const fresh = changes.map((change, at) => this.#told(change, this.told.length + at))
    this.told.push(...fresh)
    if (this.mode === 'changes') this.rows.push(...fresh)
    else {
      const held = new Map(this.rows.map((row) => [row.key, row]))
      for (const key of leaves) held.delete(key)
      for (const row of fresh) held.set(row.key, row)
      this.rows = [...held.values()].sort((a, b) => a.key - b.key)
    }
    this.#shown.push(...this.rows)
  }

  #told(change: Change, n: number): Told {
    const pair = this.mode === 'changes'
    const customer = `c${pair ? change.key >> 1 : change.key}`
    const fields = pair && change.key % 2 === 1 ? ['a', 'b'] : ['a']
    const moves = (this.#moves.get(customer) ?? 0) + (change.moves ? 1 : 0)
    this.#moves.set(customer, moves)
    return { ...change, n, customer, address: `${customer}${moves === 0 ? '' : `.${moves}`}@example.com`, fields }
  }

  /** The addresses that somebody shows for a customer: of each row what it showed last. */
  addresses(customer: string): ReadonlySet<string> {
    const last = new Map<number, string>()
    for (const row of this.#shown)
      if (row.customer === customer && row.shows && isMade(row)) last.set(row.key, row.address)
    return new Set(last.values())
  }

  /** Where a change stands in what is read; -1: it is not there any more. */
  position(n: number): number {
    return this.mode === 'changes' ? n : this.rows.findIndex((row) => row.n === n)
  }

  /** A cursor says how many rows are behind it, and in which generation of a snapshot. */
  begin(cursor: { at?: number; of?: number } | null | undefined): number {
    const { at = 0, of = this.generation } = cursor ?? {}
    if (this.mode === 'changes') return at
    return of === this.generation && at < this.rows.length ? at : 0
  }

  source(): Source {
    const truth = this
    return {
      name: 'origin',
      key: ['key'],
      changedAt: 'at',
      describe: async () => SCHEMA,
      close: async () => undefined,
      async *read(options: ReadOptions): AsyncGenerator<Page> {
        let at = truth.begin(options.after as { at: number } | undefined)
        const rows = truth.rows.slice(at).map(rowOf)
        const complete = truth.mode === 'snapshot'
        const { after: _, ...rest } = options
        const inner = new RowsSource({ name: 'origin', rows, key: ['key'], changedAt: 'at', complete, schema: SCHEMA })
        for await (const page of inner.read(rest)) {
          at += page.rows.length
          yield { ...page, cursor: { at, of: truth.generation } }
        }
      },
    }
  }

  /** The customers whose address somebody has shown, and up to which change nobody had. */
  known(): ReadonlyMap<string, number> {
    const since = new Map<string, number>()
    for (const { customer, shows, fate, n } of this.#shown) {
      if (shows && isMade({ fate }) && !since.has(customer)) since.set(customer, n)
    }
    return since
  }
}

const isMade = ({ fate }: Pick<Told, 'fate'>): boolean => fate === 'ok' || fate === 'bad'

const rowOf = ({ key, n, customer, address, shows, fate }: Told): Row => ({
  key: `r${key}`,
  n,
  at: new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString(),
  customer,
  email: shows ? address : null,
  fate,
})

/** What the host's program makes of a row. */
export const actionsOf =
  (truth: Truth) =>
  (row: Row): readonly Action[] => {
    const told = truth.told[Number(row.n)] as Told
    if (told.fate === 'throws') throw new Error('the program')
    if (told.fate === 'filtered') return []
    const identifiers = { customer_id: told.customer, ...(told.shows ? { email: told.address } : {}) }
    const dataFields = Object.fromEntries(told.fields.map((field) => [field, told.n]))
    return [
      { kind: 'profile', identifiers, dataFields },
      { kind: 'membership', identifiers, list: LIST, member: told.member },
      ...(told.event ? [{ kind: 'event', identifiers, eventName: 'seen', id: `n-${told.n}` } as const] : []),
      ...(told.buys ? [{ kind: 'purchase', identifiers, id: `n-${told.n}`, total: told.n, items: [] } as const] : []),
    ]
  }

/** The number of the change that an action was made of; a membership does not say. */
export function numberOf(action: Action): number | undefined {
  if (action.kind === 'profile') return Number(Object.values(action.dataFields ?? {}).find((value) => value !== null))
  if (action.kind === 'event' || action.kind === 'purchase') return Number(action.id?.slice(2))
  return undefined
}
