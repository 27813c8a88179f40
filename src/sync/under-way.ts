import { hash } from 'node:crypto'
import type { Reads } from '../model/report.js'
import type { Entry, Key, Op, Store, Table } from '../stores/store.js'
import type { Scope } from './checkpoint.js'
import type { Commits } from './commits.js'
import { type FirstWrite, firstWriteKey, firstWritesTo } from './first-writes.js'

/**
 * What is on its way and would replace what the destination holds. A run that dies over it leaves behind that nobody knows which
 * of the two is there: what the source says next is then sent, also where it is what was accepted before.
 *
 * Shape    of each thing 24 bits of a hash, which name nobody; of two that share them both are sent, which is harmless.
 * Upholds  I1: who is written to for the first time is written down in the same commit (first-writes.ts).
 * Order    written down before it is sent, taken back behind its outcomes; what is left over goes when it was sent again, or read.
 */
export class UnderWay {
  readonly #scope: Scope
  readonly #reads: Reads
  readonly #runId: string
  readonly #former: readonly Entry[]
  readonly #unsure: Set<string>
  #flights = 0

  private constructor(
    names: { readonly scope: Scope; readonly reads: Reads; readonly runId: string },
    former: readonly Entry[],
  ) {
    this.#scope = names.scope
    this.#reads = names.reads
    this.#runId = names.runId
    this.#former = former
    this.#unsure = new Set(former.flatMap(namesOf))
  }

  /** @param names.runId  keeps apart what two runs write down */
  static async of(
    store: Store,
    names: { readonly scope: Scope; readonly reads: Reads; readonly runId: string },
  ): Promise<UnderWay> {
    return new UnderWay(names, await leftOver(store, names.scope))
  }

  /** True where a run has died over it. `what` an address, or the key of an action. */
  isUnsure(what: Thing): boolean {
    return this.#unsure.size > 0 && this.#unsure.has(nameOf(what))
  }

  /** What is there is known again. */
  settled(what: Thing): void {
    if (this.#unsure.size > 0) this.#unsure.delete(nameOf(what))
  }

  /** Where the next flight is written down: what it replaces, and whom it writes to for the first time. */
  place(): { readonly replaced: Key; readonly first: Key } {
    this.#flights += 1
    const flight = `${this.#runId} ${this.#flights}`
    return {
      replaced: [...prefixOf(this.#scope), this.#reads, flight],
      first: firstWriteKey(this.#scope, flight),
    }
  }

  /**
   * The ops of a complete run. What died over rows of the source, or of the inbox, ends with all of them: they were read again. Of
   * anything else, and of dead letters, which are chosen, what was sent again ends.
   */
  ended(): readonly Op[] {
    return this.#former.flatMap((entry): Op[] => {
      const { key } = entry
      const isRead = this.#reads !== 'deadLetters' && key[3] === this.#reads
      const names = namesOf(entry)
      const left = isRead ? [] : names.filter((name) => this.#unsure.has(name))
      if (left.length === 0) return [{ op: 'delete', table: 'checkpoint', key }]
      return left.length === names.length ? [] : [{ op: 'put', table: 'checkpoint', key, value: left }]
    })
  }
}

/** Of what is about to be sent. */
export interface Sending {
  /** It changes what the destination holds by what we remember. */
  readonly replaces: boolean
  readonly address: string
  readonly key: Key | undefined
  /** Of a profile. */
  readonly write: object | undefined
  /** Who is written to there for the first time. */
  readonly bind: string | undefined
}

/** What of a flight has no outcome yet. */
export interface Flight {
  settled(one: Sending): void
  /** Sends, then writes down what is left: nothing, or what was on its way when sending failed, which may have arrived. */
  over(send: () => Promise<void>): Promise<void>
}

/** Writes down what is about to be replaced, and who is about to be written to for the first time; nothing where that is nothing. */
export async function takeOff(
  { underWay, commits }: { readonly underWay: UnderWay; readonly commits: Commits },
  all: readonly Sending[],
): Promise<Flight> {
  const left = new Set(all.filter(({ replaces, bind }) => replaces || bind !== undefined))
  if (left.size === 0) return { settled: () => undefined, over: (send) => send() }
  const place = underWay.place()
  const written = new Set<Table>()
  const entry = (table: Table, key: Key, value: readonly string[]): readonly Op[] => {
    if (value.length === 0) return written.has(table) ? [{ op: 'delete', table, key }] : []
    written.add(table)
    return [{ op: 'put', table, key, value }]
  }
  const write = async (): Promise<void> => {
    const [replaced, first] = leftOf(left)
    const main = [...entry('checkpoint', place.replaced, replaced), ...entry('firstWrite', place.first, first)]
    await commits.commit({ main })
  }
  await write()
  const over = async (send: () => Promise<void>): Promise<void> => {
    await send().catch(async (error: unknown) => {
      await write().catch(() => undefined) // what ended it is the error that counts
      throw error
    })
    await write()
  }
  return { settled: (one) => void left.delete(one), over }
}

function leftOf(left: ReadonlySet<Sending>) {
  const replaced = new Set<string>()
  const first: FirstWrite[] = []
  for (const one of left) {
    if (one.replaces) replaced.add(nameOf(thingOf(one)))
    if (one.bind !== undefined) first.push({ profileId: one.bind, address: one.address })
  }
  return [[...replaced], firstWritesTo(first)] as const
}

const thingOf = ({ write, address, key }: Sending): Thing => (write === undefined && key !== undefined ? key : address)

/** The address of a profile, or the key of an action. */
export type Thing = string | Key

const nameOf = (what: Thing): string =>
  hash('sha256', typeof what === 'string' ? what : JSON.stringify(what.slice(2)), 'base64url').slice(0, 4)

const prefixOf = ({ project, sync }: Scope): Key => [project, sync, 'under way']

const SCAN_MAX = 1_000

const namesOf = ({ value }: Entry): readonly string[] => value as readonly string[]

async function leftOver(store: Store, scope: Scope): Promise<readonly Entry[]> {
  const all: Entry[] = []
  for (;;) {
    const after = all.at(-1)?.key
    const some = await store.scan('checkpoint', {
      prefix: prefixOf(scope),
      limit: SCAN_MAX,
      ...(after === undefined ? {} : { after }),
    })
    all.push(...some)
    if (some.length < SCAN_MAX) return all
  }
}
