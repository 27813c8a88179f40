import type { ActionBlock } from '../../model/action.js'
import type { Endpoint } from '../../vendors/iterable/endpoints.js'
import type { PreparedRequest } from '../destination.js'
import type { pointsOf } from './decimal-points.js'

/** One row of a bulk request before it has its place: its text around the payload, and whom an answer may call it by. */
export interface Draft {
  /** Indexes into the block. More than one where writes of one address were folded. */
  readonly actions: readonly number[]
  readonly email?: string | undefined
  readonly userId?: string | undefined
  readonly eventName?: string | undefined
  readonly head: string
  readonly payload?: Uint8Array
  /** Where a `.0` goes into the payload: see {@link pointsOf}. */
  readonly points?: readonly number[]
  readonly tail: '' | '}'
}

/** A row of a request, and where its bytes stand in the body. */
export interface WireRow extends Pick<Draft, 'actions' | 'email' | 'userId' | 'eventName'> {
  readonly from: number
  readonly to: number
}

/** Both in the one form that is sent and compared. */
export interface EmailChange {
  readonly from: string
  readonly to: string
}

/** What stands around the rows of a body. */
export interface Frame {
  readonly endpoint: Endpoint
  /** Behind the endpoint's own path. May hold an address: never in an error. */
  readonly path?: string
  readonly catalog?: string
  readonly head: string
  readonly tail: string
  /** An email that becomes another one: written down before it is sent, and looked up (I2). */
  readonly change?: EmailChange
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
export function* packed(
  block: ActionBlock,
  frame: Frame,
  drafts: readonly Draft[],
  sizes: Sizes,
): Generator<WireRequest> {
  const around = Buffer.byteLength(frame.head) + Buffer.byteLength(frame.tail)
  let from = 0
  let bytes = around
  for (let index = 0; index < drafts.length; index += 1) {
    const size = draftBytes(drafts[index] as Draft) + 1
    if (index > from && (index - from >= sizes.rowsMax || bytes + size > sizes.bytesMax)) {
      yield written(block, frame, drafts.slice(from, index), bytes)
      from = index
      bytes = around
    }
    bytes += size
  }
  if (from < drafts.length) yield written(block, frame, from === 0 ? drafts : drafts.slice(from), bytes)
}

/** Bytes of the row on the wire. */
export function draftBytes({ head, payload, points, tail }: Draft): number {
  const pointBytes = points === undefined ? 0 : points.length * POINT_BYTES
  return Buffer.byteLength(head) + (payload === undefined ? 0 : payload.length) + pointBytes + tail.length
}

const COMMA = 0x2c
const CLOSE = 0x7d
const DOT = 0x2e
const ZERO = 0x30
/** Of `.0`. */
const POINT_BYTES = 2

/** @param bytesMax  at least what the body will take. */
function written(block: ActionBlock, frame: Frame, drafts: readonly Draft[], bytesMax: number): WireRequest {
  const body = Buffer.allocUnsafe(bytesMax)
  const rows: WireRow[] = []
  let at = body.write(frame.head)
  for (const { actions, email, userId, eventName, head, payload, points, tail } of drafts) {
    if (rows.length > 0) body[at++] = COMMA
    const from = at
    at += body.write(head, at)
    if (payload !== undefined) at = copied(payload, points, body, at)
    if (tail !== '') body[at++] = CLOSE
    rows.push({ actions, email, userId, eventName, from, to: at })
  }
  at += body.write(frame.tail, at)
  return requestOf(block, frame, rows, body.subarray(0, at))
}

/** Copies a payload with its decimal points. Gives the place behind it. */
function copied(payload: Uint8Array, points: readonly number[] = [], body: Uint8Array, to: number): number {
  body.set(payload, to)
  let end = to + payload.length
  // From behind: what stands behind a point is moved on, which costs less than a view of each part.
  for (let nth = points.length - 1; nth >= 0; nth -= 1) {
    const at = to + (points[nth] as number)
    body.copyWithin(at + POINT_BYTES, at, end)
    body[at] = DOT
    body[at + 1] = ZERO
    end += POINT_BYTES
  }
  return end
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
  const actions: number[] = []
  for (const row of rows) for (const action of row.actions) actions.push(action)
  const request = { endpoint: frame.endpoint, actions, body, wire: new Wire(block, frame, rows) }
  return INTENTS.has(frame.endpoint) || frame.change !== undefined ? { ...request, intent: true } : request
}

/** What a second time does more than nothing: sets off journeys twice. See the table of docs/iterable.md. */
const INTENTS: ReadonlySet<Endpoint> = new Set<Endpoint>(['commerce/trackPurchase', 'commerce/updateCart'])
