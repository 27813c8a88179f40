import type { Row, Schema } from '../model/row.js'
import { quoteField } from '../model/spark-type.js'
import type { Json } from '../model/value.js'

/**
 * The schema that plain rows show, in Spark's names.
 *
 * @param given  the same rows as they were handed in: a field that is there and was left out, NaN or undefined, is a column
 * Shape   columns in order of first appearance. A column that holds several types is `variant`, one that is null
 *         everywhere `void`. A number is `double` whatever its value, so that a type never changes from run to run
 *         because a score happened to be whole.
 */
export function inferSchema(rows: readonly Row[], given: readonly unknown[]): Schema {
  const types = new Map<string, string>()
  const seen = new Map<string, number>()
  for (const [at, row] of rows.entries()) {
    const fields = given[at]
    if (!hasFields(fields)) continue
    for (const name of Object.keys(fields)) {
      const type = typeOf(Object.hasOwn(row, name) ? (row[name] as Json) : null)
      types.set(name, merge(types.get(name) ?? 'void', typeof fields[name] === 'number' ? 'double' : type))
      if (type !== 'void') seen.set(name, (seen.get(name) ?? 0) + 1)
    }
  }
  return {
    columns: [...types].map(([name, type]) => ({ name, type, nullable: (seen.get(name) ?? 0) < rows.length })),
  }
}

/** What has columns, be it a plain object or not. */
export const hasFields = (row: unknown): row is Readonly<Record<string, unknown>> =>
  typeof row === 'object' && row !== null && !Array.isArray(row)

function typeOf(value: Json): string {
  if (value === null) return 'void'
  if (typeof value === 'string') return 'string'
  if (typeof value === 'number') return 'double'
  if (typeof value === 'boolean') return 'boolean'
  if (Array.isArray(value)) return `array<${value.map(typeOf).reduce(merge, 'void')}>`
  const fields = Object.entries(value).map(([name, held]) => `${quoteField(name)}:${typeOf(held)}`)
  return `struct<${fields.join(',')}>`
}

const merge = (a: string, b: string): string => (a === b || b === 'void' ? a : a === 'void' ? b : 'variant')
