import { hash } from 'node:crypto'
import type { Reads } from '../model/report.js'
import type { Entry, Key, Op, Store } from '../stores/store.js'
import type { Scope } from './checkpoint.js'
import type { Commits } from './commits.js'

/**
 * What is on its way and would replace what the destination holds. A run that dies over it leaves behind that nobody knows which
 * of the two is there: what the source says next is then sent, also where it is what was accepted before.
 *
 * Shape    of each thing 24 bits of a hash, which name nobody; of two that share them both are sent, which is harmless.
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

  /** Where the next flight is written down. */
  place(): Key {
    this.#flights += 1
    return [...prefixOf(this.#scope), this.#reads, `${this.#runId} ${this.#flights}`]
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
interface Sending {
  /** It changes what the destination holds by what we remember. */
  readonly replaces: boolean
  readonly address: string
  readonly key: Key | undefined
  /** Of a profile. */
  readonly write: object | undefined
}

/** What of a flight has no outcome yet. */
export interface Flight {
  settled(one: Sending): void
  /** Sends, then writes down what is left: nothing, or what was on its way when sending failed, which may have arrived. */
  over(send: () => Promise<void>): Promise<void>
}

/** Writes down what is about to be replaced; nothing where that is nothing. */
export async function takeOff(
  { underWay, commits }: { readonly underWay: UnderWay; readonly commits: Commits },
  all: readonly Sending[],
): Promise<Flight> {
  const left = new Set(all.filter(({ replaces }) => replaces))
  if (left.size === 0) return { settled: () => undefined, over: (send) => send() }
  const key = underWay.place()
  const write = async (): Promise<void> => {
    const value = [...new Set([...left].map((one) => nameOf(thingOf(one))))]
    const op: Op = { op: 'put', table: 'checkpoint', key, value }
    await commits.commit({ main: [value.length > 0 ? op : { op: 'delete', table: 'checkpoint', key }] })
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
