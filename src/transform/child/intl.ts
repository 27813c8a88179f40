import type { World } from './globals.js'

/** What `Intl` offers to a package. Segments and locales are left out: nothing on the list asks for them. */
const NAMES = [
  'Collator',
  'DateTimeFormat',
  'DisplayNames',
  'ListFormat',
  'NumberFormat',
  'PluralRules',
  'RelativeTimeFormat',
] as const

/** What stands in for the settings of the machine. */
const LOCALE = 'en-US'
const ZONE = 'UTC'
/** Methods of `DateTimeFormat` that mean the present where no time is given. */
const OF_NOW = new Set(['format', 'formatToParts'])

type Format = Record<string, unknown>
type Make = new (locales: unknown, options: unknown) => Format

/**
 * An `Intl` that neither the clock, nor the zone, nor the language of the machine shows through: what is not said is the
 * world's present, UTC and American English. The real formatters stay behind it, since their prototypes read the clock.
 */
export function intlOf(world: World): object {
  const real = Intl as unknown as Record<string, Make>
  const entries = NAMES.map((name) => [name, wrapped(name, real[name] as Make, world)] as const)
  const { getCanonicalLocales, supportedValuesOf } = Intl
  return harden({
    ...Object.fromEntries(entries),
    getCanonicalLocales: (locales: unknown) => getCanonicalLocales(locales as string),
    supportedValuesOf: (key: unknown) => supportedValuesOf(key as 'unit'),
  })
}

function wrapped(name: string, Real: Make, world: World): unknown {
  const held = new WeakMap<object, Format>()
  const made = function (this: unknown, locales: unknown = LOCALE, options?: unknown): object {
    const chosen = name === 'DateTimeFormat' ? { timeZone: ZONE, ...(options as object) } : options
    const format = Object.create(made.prototype as object) as object
    held.set(format, new Real(locales, chosen))
    return format
  }
  const own = { world, held, isDate: name === 'DateTimeFormat' }
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(Real.prototype))) {
    if (key !== 'constructor') Object.defineProperty(made.prototype, key, delegate(key, property, own))
  }
  const { supportedLocalesOf } = Real as unknown as typeof Intl.NumberFormat
  Object.defineProperties(made, {
    name: { value: name },
    supportedLocalesOf: { value: (locales: unknown) => supportedLocalesOf.call(Real, locales as string) },
  })
  return made
}

interface Own {
  readonly world: World
  readonly held: WeakMap<object, Format>
  readonly isDate: boolean
}

/** The same property, asked of the formatter behind `this`. `format` and `compare` are getters of bound functions. */
function delegate(key: string, { get }: PropertyDescriptor, { world, held, isDate }: Own): PropertyDescriptor {
  const ask = (self: object, parts: readonly unknown[]): unknown => {
    const format = held.get(self)
    if (format === undefined) throw new TypeError(`${key} was called on something else`)
    const [first, ...rest] = parts
    const given =
      isDate && OF_NOW.has(key) && first === undefined ? [world.now] : first === undefined ? [] : [first, ...rest]
    return (format[key] as (...given: unknown[]) => unknown)(...given)
  }
  if (get === undefined) {
    const value = function (this: object, ...parts: unknown[]): unknown {
      return ask(this, parts)
    }
    return { value, writable: true, configurable: true }
  }
  return {
    get(this: object) {
      return (...parts: unknown[]): unknown => ask(this, parts)
    },
    configurable: true,
  }
}
