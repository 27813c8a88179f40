import type { Json, JsonObject } from '../../../model/value.js'
import { envelope, Refused } from '../wire/answer.js'

/** Throws if a name of a field holds a dot, at any depth: `a.b` would be the b of a. What it gets is unsure; words invented. */
export function refuseDots(rows: readonly JsonObject[], { dotInName }: { dotInName: 'refused' | 'accepted' }): void {
  if (dotInName === 'accepted' || !rows.some(({ dataFields = {} }) => hasDot(dataFields))) return
  throw new Refused(envelope(400, 'BadParams', 'Names of fields may not contain periods'))
}

function hasDot(value: Json): boolean {
  if (Array.isArray(value)) return (value as readonly Json[]).some(hasDot)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([name, held]) => name.includes('.') || hasDot(held as Json))
}
