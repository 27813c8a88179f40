import type { FieldType, Shape } from '../../model/action.js'
import type { Reason } from '../../model/value.js'

/** What is known about the fields of a project, and what may be done about those that are not. */
export interface FieldRules {
  /** Dotted path to type, as `users/getFields` answers. `undefined`: nothing can be known (events). */
  readonly fields: ReadonlyMap<string, string> | undefined
  readonly createNewFields: boolean
  readonly newNumbers: 'double' | 'long' | 'reject'
  readonly nearDates: 'reject' | 'allow'
}

export interface Verdict {
  /** Why payloads of this shape are refused. */
  readonly reason?: Reason
  /** Paths whose whole numbers need a decimal point. */
  readonly doubles: ReadonlySet<string>
  /** Fields that a payload of this shape makes, where that can be known. */
  readonly fresh?: readonly string[]
}

/** Fields that every project has, listed or not. Source: Iterable help 217744303 and 206430145. */
export const MANAGED = new Set(
  'email userId phoneNumber ip locale signupDate signupSource emailListIds userListIds profileUpdatedAt subscribedMessageTypeIds unsubscribedChannelIds unsubscribedMessageTypeIds devices shoppingCartItems'.split(
    ' ',
  ),
)

/**
 * What a field of each type takes. An array is judged by its elements, a null removes.
 * Source: Iterable help 208183076. Whether a number as text is taken too is unknown, so it is not sent.
 */
const TAKES: Readonly<Record<string, readonly FieldType[]>> = {
  string: ['string', 'date', 'nearDate'],
  date: ['date'],
  long: ['long'],
  double: ['double', 'long'],
  boolean: ['boolean'],
  object: ['object'],
  nested: ['object'],
  geo_location: ['object'],
}

/** More new fields than a project may have need not be told of. */
const FRESH_MAX = 1_000

/** Compares shapes with the types of a project's fields: once per distinct shape, never per row. */
export class FieldContract {
  readonly #rules: FieldRules
  readonly #verdicts = new WeakMap<Shape, Verdict>()
  readonly #fresh = new Set<string>()
  /** Most rows have the shape of the row before. */
  #last: { readonly shape: Shape; readonly verdict: Verdict } | undefined

  constructor(rules: FieldRules) {
    this.#rules = rules
  }

  /**
   * Whether payloads of this shape may be sent, and which of their numbers are doubles.
   *
   * Shape   the first offence in the order of the fields: FIELD_NAME_INVALID, FIELD_TYPE_CONFLICT, FIELD_NOT_ALLOWED,
   *         FIELD_DATE_NEAR_MISS or FIELD_NUMBER_AMBIGUOUS, with the field's name and the two types.
   */
  verdict(shape: Shape): Verdict {
    if (this.#last?.shape === shape) return this.#last.verdict
    const verdict = this.#verdicts.get(shape) ?? this.#judge(shape)
    this.#verdicts.set(shape, verdict)
    this.#last = { shape, verdict }
    return verdict
  }

  /** Fields that payloads which may be sent would make, in the order in which they were met: the first 1,000. */
  get fresh(): ReadonlySet<string> {
    return this.#fresh
  }

  #judge(shape: Shape): Verdict {
    const fresh: string[] = []
    const doubles = new Set<string>()
    if (shape.dotted) return { reason: { code: 'FIELD_NAME_INVALID', facts: { field: dottedField(shape) } }, doubles }
    for (const [path, got] of shape.fields) {
      const field = path.replaceAll('[]', '')
      const expected = this.#typeOf(field)
      const kept = expected === undefined ? this.#newField(field, got) : typeConflict(field, [expected], got)
      const reason = kept ?? (this.#isPlace(field, expected) ? misplaced(shape, path, got) : undefined)
      if (reason !== undefined) return { reason, doubles }
      if (expected === undefined && got !== 'null') fresh.push(field)
      const isDouble = expected === undefined ? this.#rules.newNumbers === 'double' : expected === 'double'
      // Elements of an array share one entry of the shape: a double may have whole ones beside it.
      if (isDouble && (got === 'long' || (got === 'double' && path.includes('[]')))) doubles.add(path)
    }
    for (const field of fresh) if (this.#fresh.size < FRESH_MAX) this.#fresh.add(field)
    return { doubles, fresh }
  }

  /** `any` where a type is known to be nobody's business here: managed fields, the inside of a location. */
  #typeOf(field: string): string | undefined {
    const { fields } = this.#rules
    const own = fields?.get(field)?.toLowerCase()
    if (own !== undefined) return own
    const [top = field] = field.split('.', 1)
    return MANAGED.has(top) || fields?.get(parentOf(field))?.toLowerCase() === 'geo_location' ? 'any' : undefined
  }

  /** Whether it is one for ever, or will be: as text or half of it, it would be that for ever. */
  #isPlace(field: string, expected: string | undefined): boolean {
    if (expected !== undefined) return expected === 'geo_location'
    return this.#rules.createNewFields && field.endsWith('_geo_location')
  }

  #newField(field: string, got: FieldType): Reason | undefined {
    const { fields, createNewFields, nearDates, newNumbers } = this.#rules
    if (got === 'null') return undefined // nothing is created and there is nothing to remove
    if (!createNewFields) return fields === undefined ? undefined : { code: 'FIELD_NOT_ALLOWED', facts: { field } }
    if (got === 'nearDate' && nearDates === 'reject') return { code: 'FIELD_DATE_NEAR_MISS', facts: { field } }
    if (got === 'long' && newNumbers === 'reject') return { code: 'FIELD_NUMBER_AMBIGUOUS', facts: { field } }
    return undefined
  }
}

export const isFieldType = (type: string): boolean => Object.hasOwn(TAKES, type)

/** Whether a field of this type takes such a value; of a type that is not known, everything. */
export const takes = (type: string, got: FieldType): boolean =>
  !isFieldType(type) || TAKES[type]?.includes(got) === true

/** @param types  those that the field may have */
export function typeConflict(field: string, types: readonly string[], got: FieldType): Reason | undefined {
  if (got === 'null' || got === 'array' || types.some((type) => takes(type, got))) return undefined
  const said = got === 'nearDate' ? 'text that is almost a date' : got
  return { code: 'FIELD_TYPE_CONFLICT', facts: { field, expected: types.join(' or '), got: said } }
}

/** Source: `{ lat, lon }`, both numbers, in a field so called: block/iterable-go `types/data_types.go`. */
function misplaced({ fields }: Shape, path: string, got: FieldType): Reason | undefined {
  if (got === 'null' || got === 'array') return undefined
  const isNumber = (name: string): boolean => /^(?:long|double)$/.test(fields.get(`${path}.${name}`) ?? '')
  if (isNumber('lat') && isNumber('lon')) return undefined
  const said = got === 'object' ? 'an object without the numbers lat and lon' : got
  const field = path.replaceAll('[]', '')
  return { code: 'FIELD_TYPE_CONFLICT', facts: { field, expected: 'geo_location', got: said } }
}

function parentOf(field: string): string {
  return field.slice(0, Math.max(0, field.lastIndexOf('.')))
}

/** The field with a dot in its own name: its path has a parent that is no field. */
function dottedField({ fields }: Shape): string {
  const paths = [...fields.keys()].filter((path) => path.includes('.'))
  return paths.find((path) => !fields.has(parentOf(path))) ?? paths[0] ?? ''
}
