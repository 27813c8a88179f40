import type { ActionBlock, ActionKind, ListRef } from '../model/action.js'
import type { JsonObject } from '../model/value.js'
import { isAfter, type Order } from './order.js'

/**
 * What an action changes at the destination, as far as another row may change the same.
 *
 * Upholds  I6: what is held back is sent without what was said since.
 */
export interface Said {
  /** An address, an item of a catalog, or what has an id of its own. */
  readonly target: string
  readonly kind: ActionKind
  /** Each stands for itself; none: that somebody was written to is all there is to say. */
  readonly parts: readonly string[]
}

/** The part that stands for all others of its kind. */
const WHOLE = ''
const ALL: readonly string[] = [WHOLE]

/** Whom an action is about, and how the destination takes it. */
interface About {
  readonly address: string
  /** Whose a place on a list is: the row's key, or a profile id. */
  readonly claimant?: string | undefined
  /** Fields of an item that are not sent stay. */
  readonly mergesItems?: boolean | undefined
}

/** What a newer action of another row may have said since, so that this one is not sent any more; of a profile see `ProfileWrite`. */
export function saidBy(block: ActionBlock, action: number, about: About): Said | undefined {
  const kind = block.kind(action)
  const { address: target } = about
  const detail = (): JsonObject => block.detail(action)
  switch (kind) {
    case 'subscription':
      return { target, kind, parts: Object.keys(detail()) }
    case 'cart':
      return { target, kind, parts: ALL }
    case 'catalogItem': {
      const isWhole = about.mergesItems !== true || detail().remove === true
      return { target, kind, parts: isWhole ? ALL : topFields(block, action) }
    }
    case 'membership':
      return placeOf(detail().list as ListRef, about)
    case 'event':
    case 'purchase': {
      const { id } = detail()
      return typeof id === 'string' ? { target: JSON.stringify(['', kind, id]), kind, parts: ALL } : undefined
    }
    default:
      return undefined
  }
}

/** A place on a list; without a claimant only that somebody was written to. */
export const placeOf = (list: ListRef, { address, claimant }: About): Said => ({
  target: address,
  kind: 'membership',
  parts: claimant === undefined ? [] : [JSON.stringify([list, claimant])],
})

/** All that it has said once it is accepted: a purchase empties the cart, and an event is one more word about its person. */
export function saysAll(block: ActionBlock, action: number, about: About): readonly Said[] {
  const own = saidBy(block, action, about)
  const { address: target } = about
  const kind = block.kind(action)
  const more: readonly Said[] =
    kind === 'purchase' ? [{ target, kind: 'cart', parts: ALL }] : kind === 'event' ? [{ target, kind, parts: [] }] : []
  return own === undefined ? more : [own, ...more]
}

/** Names of top-level fields. */
const topFields = (block: ActionBlock, action: number): readonly string[] =>
  [...block.shape(action).fields.keys()].filter((path) => !/[.[]/.test(path))

/** What was accepted while something older was held back: when its row was read, and which parts; of profiles without a kind. */
export type Since = readonly (readonly [turn: number, row: number, parts: readonly string[], kind?: ActionKind])[]

/** Of one target; what is dropped is the oldest. */
const SINCE_MAX = 32

/** One more that was accepted. Each part stands with the newest that said it. */
export function sinceWith(since: Since, order: Order, { kind, parts }: Pick<Said, 'kind' | 'parts'>): Since {
  const own = kind === 'profile' ? undefined : kind
  const left = partsLeft(since, order, { kind, parts })
  const isSaid =
    parts.length === 0 && since.some(([turn, row, , other]) => other === own && isAfter([turn, row], order))
  const others = since.flatMap((one) => {
    const [turn, row, names, other] = one
    if (other !== own || isAfter([turn, row], order)) return [one]
    const rest = parts.includes(WHOLE) && own !== undefined ? [] : names.filter((name) => !parts.includes(name))
    if (rest.length === 0) return []
    return [rest.length === names.length ? one : entryOf([turn, row], rest, own)]
  })
  if (isSaid || (parts.length > 0 && left.length === 0)) return others
  const all = [...others, entryOf(order, left, own)]
  return all.length > SINCE_MAX ? all.sort(byOrder).slice(-SINCE_MAX) : all
}

const entryOf = ([turn, row]: Order, parts: readonly string[], kind: ActionKind | undefined): Since[number] =>
  kind === undefined ? [turn, row, parts] : [turn, row, parts, kind]

const byOrder = (a: Since[number], b: Since[number]): number => a[0] - b[0] || a[1] - b[1]

/** The parts that nothing newer of its kind has said. */
export function partsLeft(
  since: Since,
  order: Order,
  { kind, parts }: Pick<Said, 'kind' | 'parts'>,
): readonly string[] {
  if (since.length === 0) return parts
  const own = kind === 'profile' ? undefined : kind
  const newer = since.filter(([turn, row, , other]) => other === own && isAfter([turn, row], order))
  if (newer.length === 0) return parts
  const names = new Set(newer.flatMap(([, , said]) => said))
  if (own !== undefined && (names.has(WHOLE) || parts.includes(WHOLE))) return []
  return parts.filter((part) => !names.has(part))
}

/** True if anything at all was said later. */
export const isSaidSince = (since: Since, order: Order): boolean =>
  since.some(([turn, row]) => isAfter([turn, row], order))
