import type { Batch } from './answer.js'

/** What the driver may call, and a download behind a link. */
export type Call =
  | 'OpenSession'
  | 'CloseSession'
  | 'ExecuteStatement'
  | 'GetOperationStatus'
  | 'GetResultSetMetadata'
  | 'FetchResults'
  | 'CancelOperation'
  | 'CloseOperation'
  | 'download'

/** What goes wrong with one call. */
export type Fault =
  /** An answer of HTTP instead of one of the protocol; nothing was done. */
  | { readonly kind: 'http'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** The connection breaks: before anything was done, when all was done, or when half of the answer is on its way. */
  | { readonly kind: 'reset'; readonly done: 'nothing' | 'all' | 'half' }
  /** The call is answered with a status that is an error: the driver throws what is no Error and knows no SQLSTATE. */
  | { readonly kind: 'status'; readonly text: string }
  /** Of ExecuteStatement: the statement ends in this state. */
  | { readonly kind: 'state'; readonly state: EndState; readonly text: string; readonly sqlState?: string }
  /** Of ExecuteStatement: it runs until {@link Faults.release}. */
  | { readonly kind: 'running' }
  /** No answer until {@link Faults.release}, or, with `untilEnded`, until the statement is ended. */
  | { readonly kind: 'stall'; readonly untilEnded?: boolean }
  /** The page is another one than it should be. */
  | { readonly kind: 'page'; readonly spoil: (batches: readonly Batch[]) => readonly Batch[] }
  /** The server says that there is more, and there is not. */
  | { readonly kind: 'more'; readonly emptyPages: number }
  /** Links that are over before they are given out. */
  | { readonly kind: 'expired' }

export type EndState = 'ERROR' | 'CANCELED' | 'CLOSED' | 'TIMEDOUT'

interface Scripted {
  readonly call: Call
  readonly name: string
  readonly fault: Fault
  /** Calls that pass before. */
  skip: number
  times: number
}

/** Faults by script. Each is counted by its name when it did something. */
export class Faults {
  #script: Scripted[] = []
  readonly #hits = new Map<string, number>()
  #waiting: (() => void)[] = []

  /** The next call of this kind meets the fault; with `nth`, the nth from now on; with `times`, so many in a row. */
  on(call: Call, [name, fault]: readonly [string, Fault], { nth = 1, times = 1 } = {}): this {
    this.#script.push({ call, name, fault, skip: nth - 1, times })
    return this
  }

  /** Faults that were planned and met no call. */
  get unmet(): readonly string[] {
    return this.#script.filter(({ times }) => times !== Number.POSITIVE_INFINITY).map(({ name }) => name)
  }

  clear(): void {
    this.#script = []
  }

  /** How often each fault did something. */
  get hits(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#hits)
  }

  /** Everything that waits goes on. */
  release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }

  /** For the fake: until {@link release}. */
  released(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** For the fake: the fault of this call, if any. */
  take(call: Call): Fault | undefined {
    const planned = this.#script.find((one) => one.call === call)
    if (planned === undefined) return undefined
    if (planned.skip > 0) {
      planned.skip -= 1
      return undefined
    }
    planned.times -= 1
    if (planned.times <= 0) this.#script = this.#script.filter((one) => one !== planned)
    this.#hits.set(planned.name, (this.#hits.get(planned.name) ?? 0) + 1)
    return planned.fault
  }
}
