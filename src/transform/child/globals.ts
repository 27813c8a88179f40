/** What a program can see of the world around it: all of it handed in, none of it real. */
export interface World {
  /** Milliseconds since 1970. */
  now: number
  /** In [0, 1). */
  random: () => number
  log: (level: string, values: readonly unknown[]) => void
}

/** A world for the first run of the top level, whose logs and numbers nobody sees. */
export const quietWorld = (): World => ({ now: 0, random: () => 0, log: () => undefined })

/** Off-heap memory, the sandbox's own tools and code made from text have no place in a program. */
const REMOVED = new Set(
  [
    'lockdown Compartment harden assert ModuleSource eval Function',
    'ArrayBuffer SharedArrayBuffer Atomics DataView TextEncoder TextDecoder',
    'Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array',
    'Float16Array Float32Array Float64Array',
  ].flatMap((names) => names.split(' ')),
)

const LEVELS = ['debug', 'log', 'info', 'warn', 'error']

interface Room {
  readonly evaluate: (text: string) => unknown
}

/**
 * A compartment for a program. Its globals are frozen before the first evaluation: SES then binds them as
 * constants, at native speed, and `globalThis.x = 1` keeps no state.
 *
 * @param more  globals besides, hardened
 */
export function tamed(world: World, more: object): Room {
  const compartment = new Compartment()
  furnish(compartment, world, more)
  Object.freeze(compartment.globalThis)
  return { evaluate: (text) => compartment.evaluate(text) as unknown }
}

/** The same for a package: it may add to its globals, which end with it. `more` is made of those that it is born with. */
export function workshop(world: World, more: (born: Readonly<Record<string, unknown>>) => object): Room {
  const compartment = new Compartment()
  furnish(compartment, world, more(compartment.globalThis))
  return { evaluate: (text) => compartment.evaluate(text) as unknown }
}

function furnish({ globalThis: globals }: Compartment, world: World, more: object): void {
  endow(globals, world, more)
  for (const name of Object.getOwnPropertyNames(globals)) {
    const held = Object.getOwnPropertyDescriptor(globals, name)
    if (held && 'value' in held) Object.defineProperty(globals, name, { ...held, writable: false, configurable: false })
  }
}

function endow(globals: object, world: World, more: object): void {
  for (const name of Object.getOwnPropertyNames(globals)) if (REMOVED.has(name)) Reflect.deleteProperty(globals, name)
  const own = { Date: dateOf(world), Math: mathOf(world), console: consoleOf(world), ...more }
  for (const [name, value] of Object.entries(own)) {
    Object.defineProperty(globals, name, { value, writable: false, enumerable: false, configurable: false })
  }
}

let sharedDate: DateConstructor | undefined

/** A `Date` whose present is the world's. Its instances are those of the powerless one that all compartments share. */
function dateOf(world: World): unknown {
  sharedDate ??= new Compartment().globalThis.Date as DateConstructor
  const Shared = sharedDate
  const made = function (this: unknown, ...parts: unknown[]): unknown {
    if (new.target === undefined) return new Shared(world.now).toString()
    const target = (new.target as unknown) === made ? Shared : new.target
    return Reflect.construct(Shared, parts.length === 0 ? [world.now] : parts, target)
  }
  Object.defineProperties(made, {
    name: { value: 'Date' },
    length: { value: 7 },
    prototype: { value: Shared.prototype },
    now: { value: () => world.now },
    parse: { value: Shared.parse },
    UTC: { value: Shared.UTC },
  })
  return harden(made)
}

function mathOf(world: World): unknown {
  const own = { ...Object.getOwnPropertyDescriptors(Math), random: { value: () => world.random() } }
  return harden(Object.create(Object.prototype, own as PropertyDescriptorMap) as object)
}

function consoleOf(world: World): unknown {
  const entries = LEVELS.map((level) => [level, (...values: unknown[]): void => world.log(level, values)] as const)
  return harden(Object.fromEntries(entries))
}

/** Every name that a program may use without declaring it. */
export const GLOBAL_NAMES: ReadonlySet<string> = new Set([
  ...'Infinity NaN undefined isFinite isNaN parseFloat parseInt decodeURI decodeURIComponent encodeURI'.split(' '),
  ...'encodeURIComponent escape unescape globalThis Object Array String Number Boolean Symbol BigInt Math JSON'.split(
    ' ',
  ),
  ...'Date RegExp Map Set WeakMap WeakSet Promise Proxy Reflect console'.split(' '),
  ...'Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError'.split(' '),
])
