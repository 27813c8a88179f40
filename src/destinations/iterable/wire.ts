import type { ActionBlock } from '../../model/action.js'
import type { Endpoint } from '../../vendors/iterable/endpoints.js'
import type { PreparedRequest } from '../destination.js'

/** One row of a bulk request before it has its place: its text around the payload, and whom an answer may call it by. */
export interface Draft {
  /** Indexes into the block. More than one where writes of one address were folded. */
  readonly actions: readonly number[]
  readonly email?: string | undefined
  readonly userId?: string | undefined
  readonly eventName?: string | undefined
  readonly head: string
  readonly payload?: Uint8Array
  readonly tail: string
}

/** A row of a request, and where its bytes stand in the body. */
export interface WireRow extends Pick<Draft, 'actions' | 'email' | 'userId' | 'eventName'> {
  readonly from: number
  readonly to: number
}

/** What stands around the rows of a body. */
export interface Frame {
  readonly endpoint: Endpoint
  /** Behind the endpoint's own path. May hold an address: never in an error. */
  readonly path?: string
  readonly catalog?: string
  readonly head: string
  readonly tail: string
  /** The list it speaks of; without an id it is made when the request is sent. */
  readonly list?: { readonly ref: string | number; readonly id?: number | undefined }
}

/** How much one request may hold. */
export interface Sizes {
  readonly rowsMax: number
  readonly bytesMax: number
}

/** What a request was made of, to map an answer back. Private fields: whoever prints a request sees no address here. */
export class Wire {
  readonly #block: ActionBlock
  readonly #frame: Frame
  readonly #rows: readonly WireRow[]

  constructor(block: ActionBlock, frame: Frame, rows: readonly WireRow[]) {
    this.#block = block
    this.#frame = frame
    this.#rows = rows
  }

  get block(): ActionBlock {
    return this.#block
  }

  get frame(): Frame {
    return this.#frame
  }

  get rows(): readonly WireRow[] {
    return this.#rows
  }
}

export interface WireRequest extends PreparedRequest {
  readonly endpoint: Endpoint
  readonly wire: Wire
}

/** Requests that hold the drafts in their order, each as full as the sizes allow; a draft that is too large goes alone. */
export function packed(block: ActionBlock, frame: Frame, drafts: readonly Draft[], sizes: Sizes): WireRequest[] {
  const requests: WireRequest[] = []
  const around = Buffer.byteLength(frame.head) + Buffer.byteLength(frame.tail)
  let from = 0
  let bytes = around
  drafts.forEach((draft, index) => {
    const size = draftBytes(draft) + 1
    if (index > from && (index - from >= sizes.rowsMax || bytes + size > sizes.bytesMax)) {
      requests.push(written(block, frame, drafts.slice(from, index), bytes))
      from = index
      bytes = around
    }
    bytes += size
  })
  if (from < drafts.length) requests.push(written(block, frame, drafts.slice(from), bytes))
  return requests
}

/** Bytes of the row on the wire. */
export function draftBytes(draft: Draft): number {
  return Buffer.byteLength(draft.head) + (draft.payload?.length ?? 0) + Buffer.byteLength(draft.tail)
}

/** @param bytesMax  at least what the body will take. */
function written(block: ActionBlock, frame: Frame, drafts: readonly Draft[], bytesMax: number): WireRequest {
  const body = Buffer.allocUnsafe(bytesMax)
  let at = body.write(frame.head)
  const rows = drafts.map((draft, index): WireRow => {
    if (index > 0) body[at++] = 0x2c
    const { actions, email, userId, eventName, head, payload, tail } = draft
    const from = at
    at += body.write(head, at)
    if (payload !== undefined) {
      body.set(payload, at)
      at += payload.length
    }
    if (tail !== '') at += body.write(tail, at)
    return { actions, email, userId, eventName, from, to: at }
  })
  at += body.write(frame.tail, at)
  return requestOf(block, frame, rows, body.subarray(0, at))
}

/** A request with some rows of another, their bytes copied. */
export function subset({ wire, body }: WireRequest, rows: readonly WireRow[]): WireRequest {
  const { block, frame } = wire
  const moved: WireRow[] = []
  const parts: Uint8Array[] = [Buffer.from(frame.head)]
  let at = (parts[0] as Uint8Array).length
  rows.forEach((row, index) => {
    if (index > 0) {
      parts.push(Buffer.from(','))
      at += 1
    }
    parts.push(body.subarray(row.from, row.to))
    moved.push({ ...row, from: at, to: at + row.to - row.from })
    at += row.to - row.from
  })
  return requestOf(block, frame, moved, Buffer.concat([...parts, Buffer.from(frame.tail)]))
}

function requestOf(block: ActionBlock, frame: Frame, rows: readonly WireRow[], body: Uint8Array): WireRequest {
  const actions = rows.flatMap((row) => row.actions)
  const request = { endpoint: frame.endpoint, actions, body, wire: new Wire(block, frame, rows) }
  return INTENTS.has(frame.endpoint) ? { ...request, intent: true } : request
}

/** What a second time does more than nothing: it fails, or sets off journeys twice. See the table of docs/iterable.md. */
const INTENTS: ReadonlySet<Endpoint> = new Set<Endpoint>([
  'users/updateEmail',
  'commerce/trackPurchase',
  'commerce/updateCart',
])
