import type { Action } from '../../src/model/action.js'
import type { Json, JsonObject } from '../../src/model/value.js'

/** Ways in which rows write to what other rows write to as well. */
export const WAYS = ['profile', 'subscription', 'cart', 'catalogItem', 'merged item', 'event', 'purchase'] as const
export type Way = (typeof WAYS)[number]

/** What stands at a destination, by whatever is written to and its parts. */
export type Standing = Record<string, Record<string, Json>>

/** An action about a person that writes these parts; of what is written as a whole, all of it. */
export function saying(
  way: Way,
  { person, identifiers, data }: { person: string; identifiers: Record<string, string>; data: JsonObject },
): Action {
  const item = { kind: 'catalogItem', identifiers: {}, catalog: 'shoes', item: person, dataFields: data } as const
  const items = Object.values(data).map((value) => ({ id: String(value), name: 'shoe', price: 1, quantity: 1 }))
  switch (way) {
    case 'profile':
      return { kind: 'profile', identifiers, dataFields: data }
    case 'subscription': {
      const { a, b } = data
      return {
        kind: 'subscription',
        identifiers,
        ...(a === undefined ? {} : { unsubscribedChannelIds: [Number(a)] }),
        ...(b === undefined ? {} : { unsubscribedMessageTypeIds: [Number(b)] }),
      }
    }
    case 'cart':
      return { kind: 'cart', identifiers, items }
    case 'purchase':
      return { kind: 'purchase', identifiers, id: `order-${person}`, total: 1, items }
    case 'event':
      return { kind: 'event', identifiers, eventName: 'order', id: `order-${person}`, dataFields: data }
    default:
      return item
  }
}

/** What an accepted action leaves. */
export function stand(held: Standing, address: string, action: Action, mergesItems: boolean): void {
  const put = (target: string, parts: Record<string, Json>): void => {
    held[target] = { ...held[target], ...parts }
  }
  const { kind, identifiers: _, ...said } = action
  if (kind === 'profile') put(address, action.dataFields ?? {})
  else if (kind === 'subscription') put(`${address} subscription`, said as unknown as Record<string, Json>)
  else if (kind === 'cart') put(`${address} cart`, { items: action.items as unknown as Json })
  else if (kind === 'event') put(`event ${action.id}`, { of: action.dataFields ?? {} })
  else if (kind === 'purchase') put(`purchase ${action.id}`, { of: action.items as unknown as Json })
  else if (kind === 'catalogItem') {
    const target = `item ${action.item}`
    if (!mergesItems || action.remove === true) held[target] = {}
    put(target, action.remove === true ? {} : (action.dataFields ?? {}))
  }
}

/** Every value that an action writes, which are numbers from 100 on. */
export const numbersIn = (action: Action): readonly number[] =>
  Object.values(action).flatMap((value) =>
    [...JSON.stringify(value).matchAll(/(?<![\w-])\d{3,}/g)].map(([text]) => Number(text)),
  )
