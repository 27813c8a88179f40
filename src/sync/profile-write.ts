import type { Action, ActionBlock, Shape } from '../model/action.js'
import { actionAt, actionBlock } from '../model/action-block.js'
import type { Key } from '../stores/store.js'
import { type Live, onlyFields, type ProfileWrite, shortRow } from './address-memory.js'
import type { RunContext } from './context.js'
import type { PageWork } from './page.js'

/**
 * The fields of a profile that are to be sent; `undefined`: all that it has. Of a row of a former run those that no newer row has
 * written, of another one those whose group has changed since.
 */
export function partOf(
  { block, late }: PageWork,
  action: number,
  write: ProfileWrite,
  { memory, groups }: RunContext,
): readonly string[] | undefined {
  if (late) {
    const left = memory.fieldsLeft(write)
    return left.length < write.fields.length ? left : undefined
  }
  const { print } = write
  const before = groups === undefined || print === undefined ? undefined : memory.held(write)
  if (groups === undefined || print === undefined || before === undefined || before === print) return undefined
  return groups.changed(before, { print, payload: block.payload(action) })
}

/** An action with these parts alone: fields, or the arrays of a subscription. */
export function restOf(block: ActionBlock, action: number, left: readonly string[]): ActionBlock {
  const rest = onlyParts(actionAt(block, action), left)
  return actionBlock([rest], [{ key: block.key(action), changedAt: block.changedAt(action) }])
}

/** The parts of an action that are left of it. */
export function onlyParts(action: Action, left: readonly string[]): Action {
  if (action.kind !== 'subscription') {
    const { dataFields = {}, ...said } = action as Extract<Action, { kind: 'profile' | 'catalogItem' }>
    return { ...said, dataFields: onlyFields(dataFields, left) }
  }
  const { kind, identifiers, ...arrays } = action
  return { kind, identifiers, ...Object.fromEntries(Object.entries(arrays).filter(([name]) => left.includes(name))) }
}

/** What is remembered of a write once it is accepted. */
export function writeOf(
  work: PageWork,
  action: number,
  live: Live,
  { key, print }: { key?: Key | undefined; print?: string | undefined },
): ProfileWrite {
  const fields = topFields(work.block.shape(action))
  const row = key === undefined || print === undefined ? undefined : shortRow(key)
  return { live, order: work.order(action), fields, row, print: row === undefined ? undefined : print }
}

const topFieldsOf = new WeakMap<Shape, readonly string[]>()

/** Top-level names; the same list for the same shape. */
function topFields(shape: Shape): readonly string[] {
  const known = topFieldsOf.get(shape)
  if (known !== undefined) return known
  const fields = [...shape.fields.keys()].filter((path) => !/[.[]/.test(path))
  topFieldsOf.set(shape, fields)
  return fields
}
