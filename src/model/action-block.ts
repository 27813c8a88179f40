import type { Action, ActionBlock, Detail, Shape } from './action.js'
import { ShapeTable } from './shape.js'
import type { JsonObject } from './value.js'

/** Where a plain action comes from, for {@link actionBlock}. */
export interface ActionOrigin {
  /** Index of its row; its own index where left out. */
  readonly row?: number
  readonly key?: string | undefined
  readonly changedAt?: string | undefined
  readonly address?: string | undefined
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * A block over plain objects: for connectors, replays and tests.
 *
 * Laws    `actionAt(actionBlock([a]), 0)` equals `a`.
 */
export function actionBlock(actions: readonly Action[], origins: readonly ActionOrigin[] = []): ActionBlock {
  const table = new ShapeTable()
  const columns = actions.map((action: Action & { dataFields?: JsonObject }) => {
    const { kind, identifiers, dataFields = {} } = action
    return { kind, identifiers, detail: detailOf(action), shape: table.number(dataFields) }
  })
  const payloads = payloadsOf(actions)
  const at = (index: number) => columns[index] as (typeof columns)[number]
  return {
    length: actions.length,
    kind: (index) => at(index).kind,
    row: (index) => origins[index]?.row ?? index,
    key: (index) => origins[index]?.key,
    changedAt: (index) => origins[index]?.changedAt,
    identifiers: (index) => at(index).identifiers,
    address: (index) => origins[index]?.address,
    detail: (index) => at(index).detail,
    shape: (index) => table.shapes[at(index).shape] as Shape,
    payload: payloads,
  }
}

const NO_DETAIL: Detail = Object.freeze({})

function detailOf(action: Action & { dataFields?: JsonObject }): Detail {
  const columns = action.dataFields === undefined ? 2 : 3
  if (action.kind === 'profile' && Object.keys(action).length === columns) return NO_DETAIL // as nearly all are
  const { kind, identifiers, dataFields, ...detail } = action
  return detail as Detail
}

/** All payloads in one piece of memory: thousands of small ones cost more to collect than to fill. */
function payloadsOf(actions: readonly Action[]): (index: number) => Uint8Array {
  const texts = actions.map(({ dataFields }: Action & { dataFields?: JsonObject }) =>
    dataFields === undefined ? '{}' : JSON.stringify(dataFields),
  )
  const whole = texts.join('')
  const bytes = encoder.encode(whole)
  const isAscii = bytes.length === whole.length
  const ends = new Uint32Array(texts.length)
  let end = 0
  texts.forEach((text, index) => {
    end += isAscii ? text.length : Buffer.byteLength(text)
    ends[index] = end
  })
  return (index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index])
}

/** Action `index` as a plain object: what a dead letter keeps. Parses the payload: not for the row path. */
export function actionAt(block: ActionBlock, index: number): Action {
  const dataFields = JSON.parse(decoder.decode(block.payload(index))) as JsonObject
  const fields = Object.keys(dataFields).length === 0 ? {} : { dataFields }
  const detail = block.detail(index)
  return { kind: block.kind(index), identifiers: block.identifiers(index), ...detail, ...fields } as Action
}
