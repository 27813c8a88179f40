import type { Delivery, Destination, Prepared, PreparedRequest, Split } from '../../src/destinations/destination.js'
import type { Action, ActionBlock } from '../../src/model/action.js'
import { actionAt } from '../../src/model/action-block.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { JsonObject } from '../../src/model/value.js'

interface Recorded extends PreparedRequest {
  readonly rows: readonly { readonly address: string; readonly action: Action }[]
}

/** What to do with a request: an error to throw, or outcomes; `undefined` accepts all of it. */
export type Knob = (request: Recorded, nth: number) => readonly Outcome[] | undefined | Promise<never>

/** A destination in memory: applies what it is sent, remembers in which order, and fails as it is told. */
export class RecordingDestination implements Destination {
  readonly name = 'recording'
  readonly project = 'test'
  readonly addressedBy = 'email'
  readonly sizeMax: number
  mergesItems = false
  readonly applied: { readonly address: string; readonly action: Action }[] = []
  readonly sent: Recorded[] = []
  /** Of each of them, whether it was told that it may have arrived before. */
  readonly again: boolean[] = []
  knob: Knob
  /** What a run learns, and what each was opened with. */
  learns: JsonObject = {}
  readonly opened: JsonObject[] = []

  constructor({ sizeMax = 3, knob = () => undefined }: { sizeMax?: number; knob?: Knob } = {}) {
    this.sizeMax = sizeMax
    this.knob = knob
  }

  /** Who is on a list, from the membership actions applied, in order. */
  members(list: string): ReadonlySet<string> {
    const on = new Set<string>()
    for (const { address, action } of this.applied) {
      if (action.kind !== 'membership' || action.list !== list) continue
      if (action.member) on.add(address)
      else on.delete(address)
    }
    return on
  }

  /** The payload last applied per address. */
  profiles(): ReadonlyMap<string, JsonObject | undefined> {
    return new Map(
      this.applied.flatMap(({ address, action }) =>
        action.kind === 'profile' ? [[address, action.dataFields] as const] : [],
      ),
    )
  }

  async open(_?: AbortSignal, learned: JsonObject = {}): Promise<Delivery> {
    this.opened.push(learned)
    return {
      prepare: (block) => this.#prepare(block),
      split: (request, by) => this.#split(request as Recorded, by),
      apply: async (request, _, again = false) => {
        const recorded = request as Recorded
        this.again.push(again)
        const outcomes = await this.knob(recorded, this.sent.push(recorded) - 1)
        const ended = outcomes ?? recorded.actions.map((): Outcome => ({ status: 'accepted' }))
        recorded.rows.forEach((row, at) => {
          if (ended[at]?.status === 'accepted') this.applied.push(row)
        })
        return ended
      },
      close: async () => this.learns,
    }
  }

  async close(): Promise<void> {}

  #prepare(block: ActionBlock): Prepared {
    const rows = Array.from({ length: block.length }, (_, index) => {
      const address = block.address(index) ?? block.identifiers(index).email ?? ''
      return { index, address, action: actionAt(block, index) }
    })
    const requests = []
    for (let at = 0; at < rows.length; at += this.sizeMax) requests.push(request(rows.slice(at, at + this.sizeMax)))
    return { requests, refused: [] }
  }

  #split(whole: Recorded, by: Split): readonly PreparedRequest[] {
    const rows = whole.actions.map((index, at) => ({ index, ...(whole.rows[at] as Recorded['rows'][number]) }))
    if (rows.length < 2) return [whole]
    if (by.kind === 'halves') {
      const middle = rows.length >> 1
      return [request(rows.slice(0, middle)), request(rows.slice(middle))]
    }
    const suspect = rows.filter(({ index }) => by.actions.includes(index))
    return [request(rows.filter(({ index }) => !by.actions.includes(index))), request(suspect)]
  }
}

function request(rows: readonly { index: number; address: string; action: Action }[]): Recorded {
  return {
    endpoint: 'apply',
    actions: rows.map(({ index }) => index),
    body: new TextEncoder().encode(JSON.stringify(rows)),
    rows,
    ...(rows.some(({ action }) => action.kind === 'purchase') ? { intent: true } : {}),
  }
}
