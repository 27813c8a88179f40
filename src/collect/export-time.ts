/** Iterable files everything under whole seconds. */
export const SECOND = 1_000

/** As an export is asked for it. Source: Iterable api-docs.json (`yyyy-MM-dd HH:mm:ss [ZZ]`; without a zone it is UTC). */
export const exportTime = (ms: number): string => `${isoTime(ms).slice(0, 19).replace('T', ' ')} +00:00`

export const isoTime = (ms: number): string => new Date(ms).toISOString()

const TIME = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,9})?) ?(Z|[+-]\d\d):?(\d\d)?$/

/** A time of an exported row as ISO 8601 in UTC; null for what is none. Source: recorded exports (airbyte, its expected records). */
export function timeIn(value: unknown): string | null {
  const [, day, time, zone, minutes = '00'] = (typeof value === 'string' && TIME.exec(value)) || []
  if (day === undefined) return null
  const ms = Date.parse(`${day}T${time}${zone === 'Z' ? 'Z' : `${zone}:${minutes}`}`)
  return Number.isNaN(ms) ? null : isoTime(ms)
}
