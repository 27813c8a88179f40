import { compareBytes } from '../../model/byte-order.js'
import { type ListChunk, listChunk, type Remembered } from '../list-chunk.js'
import {
  ABSENT,
  addressAt,
  claimantAt,
  endAt,
  hashAt,
  isClaimed,
  MEMBER,
  REJECTED,
  recordsOf,
  type State,
  UNKNOWN,
  viewOf,
} from './record.js'
import { ADDS, decidedOf, REMOVALS } from './verdicts.js'
import type { WholePlan } from './whole.js'

/** An address and who claims it. */
interface Group {
  readonly hash: number
  readonly address: string
  readonly claimants: string[]
}

/** Bytes of what is to be sent that are put in order at once. */
const PIECE_BYTES = 2 ** 18

/** The changes that a plan has found, removals first. Those of a list too long for the memory are in order piece by piece. */
export async function* chunksOf(
  plan: WholePlan,
  { sizeMax, isDisposed }: { readonly sizeMax: number; readonly isDisposed: () => boolean },
): AsyncGenerator<ListChunk> {
  const waiting = new Waiting(plan)
  if (plan.guard === undefined) yield* cut(plan, 'remove')
  yield* cut(plan, 'add')
  if (isDisposed()) return
  await plan.spool.close()
  await waiting.end()

  async function* cut(from: WholePlan, op: 'add' | 'remove'): AsyncGenerator<ListChunk> {
    if (isDisposed()) return
    let left: readonly Group[] = []
    for await (const groups of ordered(from, op === 'add' ? ADDS : REMOVALS)) {
      const all = [...left, ...groups]
      let at = 0
      for (; all.length - at >= sizeMax; at += sizeMax) {
        yield waiting.chunk(op, all.slice(at, at + sizeMax))
        if (isDisposed()) return // and reads no piece that is gone
      }
      left = all.slice(at)
    }
    if (left.length > 0) yield waiting.chunk(op, left)
  }
}

/** Chunks that were handed out, until all of them are written down. */
class Waiting {
  readonly #plan: WholePlan
  #intended = 0
  #given = 0
  #ended = false

  constructor(plan: WholePlan) {
    this.#plan = plan
  }

  chunk(op: 'add' | 'remove', groups: readonly Group[]): ListChunk {
    this.#given += 1
    const { log } = this.#plan
    const n = log.next()
    let intended = false
    const remember = async (states: readonly Remembered[]): Promise<void> => {
      const records = groups.map((group, at) => recordsOf(group, group.claimants, stateOf(states[at])))
      await log.write(n, Buffer.concat(records))
      if (!intended) this.#intended += 1
      intended = true
      if (this.#ended) await this.#forget()
    }
    return listChunk({ op, addresses: groups.map(({ address }) => address), remember })
  }

  /** All chunks were handed out. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#forget()
  }

  /** What was decided is told by the chunks, once each has said what it intends. */
  async #forget(): Promise<void> {
    if (this.#intended < this.#given) return
    this.#ended = false
    await this.#plan.log.drop(this.#plan.decided)
  }
}

/** What is not known stays to be asked again. */
function stateOf(state: Remembered): State {
  if (state === 'member') return MEMBER
  if (state === 'rejected') return REJECTED
  return state === 'absent' ? ABSENT : UNKNOWN
}

/** The addresses of a stream with their claimants, in pieces, each in the order of bytes. */
async function* ordered({ spool, guard }: WholePlan, stream: number): AsyncGenerator<readonly Group[]> {
  for await (const all of spool.read(stream, PIECE_BYTES)) {
    const piece = decidedOf(all, guard !== undefined)
    const groups: Group[] = []
    const view = viewOf(piece)
    for (let at = 0; at < piece.length; at = endAt(view, at)) {
      const address = addressAt(piece, at)
      let group = groups.at(-1)
      if (group?.address !== address) {
        group = { hash: hashAt(view, at), address, claimants: [] }
        groups.push(group)
      }
      if (isClaimed(view, at)) group.claimants.push(claimantAt(piece, at))
    }
    yield groups.sort((a, b) => compareBytes(a.address, b.address))
  }
}
