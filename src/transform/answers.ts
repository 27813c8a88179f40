import type { Frame } from './frames.js'
import type { Answer, Ran } from './protocol.js'
import type { RanSlice } from './slices.js'

/** Reads a header whose sender is a process that ran foreign code: only a known type passes. */
export function readAnswer({ header }: Frame): Answer | undefined {
  const { type } = (header ?? {}) as Partial<Answer>
  return type === 'ran' || type === 'loaded' || type === 'refused' ? (header as Answer) : undefined
}

/** The slice in a frame; `undefined` where its columns contradict each other or the rows that were asked for. */
export function readSlice(ran: Ran, { body }: Frame, asked: number): RanSlice | undefined {
  const count = Array.isArray(ran.kinds) ? ran.kinds.length : -1
  const columns = [ran.rows, ran.identifiers, ran.details, ran.shapes]
  const tables = [ran.unmade, ran.detailTable, ran.shapeTable, ran.logs]
  if (![...columns, ...tables].every(Array.isArray) || columns.some((column) => column.length !== count))
    return undefined
  if (!Number.isInteger(ran.done) || ran.done < 1 || ran.done > asked || body.length < count * 4) return undefined
  const lengths = new Uint32Array(count)
  let sum = 0
  for (let at = 0; at < count; at += 1) {
    lengths[at] = body.readUInt32LE(at * 4)
    sum += lengths[at] as number
  }
  const payload = body.subarray(count * 4)
  let row = 0
  const isInPlace = ran.rows.every((next, at) => {
    const fits = next >= row && next < ran.done && (ran.details[at] as number) in ran.detailTable
    row = next
    return fits && (ran.shapes[at] as number) in ran.shapeTable
  })
  return isInPlace && sum === payload.length ? { end: 'ran', ran, lengths, payload } : undefined
}
