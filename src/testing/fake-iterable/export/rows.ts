import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '../../../model/value.js'
import type { Project } from '../project.js'
import { dateTime } from '../users/user-reads.js'
import type { Snapshot } from '../visible.js'
import { DATA_TYPES } from './data-types.js'

/** One line of an export, and the moment that filters go by, in ms. */
export interface ExportRow {
  readonly at: number
  /** When it was indexed, in ms, where that is known. */
  readonly indexedAt?: number
  readonly row: JsonObject
}

/** The name as SW spells it; `undefined` if there is none. That its case does not matter is unsure. */
export function dataTypeNamed({ unsure }: Project, name: string): string | undefined {
  const same = (one: string) =>
    one === name || (unsure.dataTypeCase === 'any' && one.toLowerCase() === name.toLowerCase())
  return DATA_TYPES.find(same)
}

/** How somebody is named in an export. Source: EST `models.py` (internal key by project type; the id itself is invented). */
function ids(project: Project, { address, user }: Snapshot): JsonObject {
  const itblUserId = createHash('sha256').update(address).digest('hex').slice(0, 20)
  const { email, userId } = user ?? (address.includes('@') ? { email: address } : { userId: address })
  return { ...(email && { email }), ...(userId && { userId }), ...(!project.byEmail && { itblUserId }) }
}

/** Everything of one data type that is indexed by now, as it came. Source: reference 6.3 (flat at the top, also custom events). */
export function rowsOf(project: Project, type: string): readonly ExportRow[] {
  const everyone = project.visible.everyone()
  if (type === 'user') return everyone.flatMap((one) => userRow(project, one))
  if (type === 'customEvent') return everyone.flatMap((one) => eventRows(project, one))
  if (type === 'purchase') return everyone.flatMap((one) => purchaseRows(project, one))
  const now = project.now()
  return project.ledger.happenings
    .filter((one) => one.dataType === type && one.indexedAt <= now)
    .map(({ createdAt, indexedAt, fields }) => ({
      at: createdAt * 1_000,
      indexedAt,
      row: { createdAt: dateTime(createdAt * 1_000), ...fields },
    }))
}

/** Filtered by `profileUpdatedAt`. Source: SW; nested or dotted keys: AB (unsure). */
function userRow(project: Project, one: Snapshot): ExportRow[] {
  const { user, stamp } = one
  if (user === undefined || stamp === undefined) return []
  const times = { profileUpdatedAt: dateTime(stamp.updatedAt), signupDate: dateTime(stamp.signedUpAt) }
  const emailDomain = user.email?.split('@')[1]
  const row = {
    ...times,
    ...ids(project, one),
    ...user.dataFields,
    itblInternal: { ...(emailDomain && { emailDomain }) },
  }
  return [{ at: stamp.updatedAt, row: project.unsure.exportUserKeys === 'nested' ? row : dotted(row) }]
}

function eventRows(project: Project, one: Snapshot): ExportRow[] {
  return one.events.map(({ id, eventName, createdAt, dataFields }) => {
    const own = project.unsure.exportEventId ? { id } : {}
    const at = createdAt * 1_000
    return { at, row: { createdAt: dateTime(at), ...ids(project, one), eventName, ...own, ...dataFields } }
  })
}

/** The names of a purchase's fields in exports are invented. */
function purchaseRows(project: Project, one: Snapshot): ExportRow[] {
  return one.purchases.map(({ id, total, items, createdAt, dataFields }) => {
    const at = createdAt * 1_000
    const bought = { id, total, shoppingCartItems: items }
    return { at, row: { createdAt: dateTime(at), ...ids(project, one), ...bought, ...dataFields } }
  })
}

function dotted(value: JsonObject, prefix = ''): JsonObject {
  const parts = Object.entries(value).map(([name, held]): readonly (readonly [string, Json])[] => {
    const isObject = typeof held === 'object' && held !== null && !Array.isArray(held)
    return isObject ? Object.entries(dotted(held as JsonObject, `${prefix}${name}.`)) : [[`${prefix}${name}`, held]]
  })
  return Object.fromEntries(parts.flat())
}
