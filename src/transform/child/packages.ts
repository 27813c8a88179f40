/** The packages of a program: text until the program asks for one. */
import { escaped } from './escape.js'
import { type World, workshop } from './globals.js'
import { intlOf } from './intl.js'
import { Random } from './random.js'

/** A package as the host sends it; see `PROLOGUE` for how its text begins. */
interface Source {
  readonly slug: string
  readonly source: string
}

/** What evaluating a source gives: `exports`, and how Node would make the names of an `import` of them. */
interface Evaluated {
  /** `esm`: names already. `cjs`: the default is `exports` itself. `interop`: the default is `exports.default`, if it has one. */
  readonly kind: 'esm' | 'cjs' | 'interop'
  readonly exports: unknown
}

interface Opened {
  readonly required: unknown
  readonly namespace: object
}

/** Gives what Node's `require` gives. Throws `TypeError` for a package that the program has not been handed. */
export interface Require {
  (slug: string): unknown
  /** Gives what Node's `import * as names` gives: a frozen object of names, with `default` where Node has one. */
  readonly namespace: (slug: string) => object
}

/** `bytes` is for buffers, which live outside of the heap and its limit; `code` for making functions of text. */
type Need = 'bytes' | 'code'

// The comment in which a source begins names what it needs.
const PROLOGUE = /^\/\*([a-z ]*)\*\//

const BYTES = ['ArrayBuffer', 'DataView', 'Uint8Array', 'Uint16Array', 'Uint32Array', 'Int32Array'] as const

/**
 * Upholds  I8: each package runs in a compartment of its own, with nothing but what its list entry says it needs.
 *          I9: its clock, its random numbers and its settings are the world's. Nothing lives longer than one `open`.
 */
export class Packages {
  readonly #sources: ReadonlyMap<string, string>

  constructor(sources: readonly Source[]) {
    this.#sources = new Map(sources.map(({ slug, source }) => [slug, source]))
  }

  /** A `require` for one batch. Evaluates a package when it is first asked for. */
  open(world: World): Require {
    const opened = new Map<string, Opened>()
    const open = (slug: string): Opened => {
      const before = opened.get(slug)
      if (before !== undefined) return before
      const source = this.#sources.get(slug)
      if (source === undefined) throw new TypeError(`there is no package ${slug} in the sandbox`)
      const made = evaluate(slug, source, world)
      const namespace = namesFor(made)
      const found = { required: made.kind === 'esm' ? marked(namespace) : made.exports, namespace }
      opened.set(slug, found)
      return found
    }
    const require = (slug: string): unknown => open(slug).required
    return harden(Object.assign(require, { namespace: (slug: string) => open(slug).namespace }))
  }
}

function evaluate(slug: string, source: string, world: World): Evaluated {
  const needs = new Set((PROLOGUE.exec(source)?.[1] ?? '').split(' ')) as Set<Need>
  // What a package draws while it starts must not move the numbers of the row that happens to be the first to ask for it.
  const starting = new Random(slug)
  let started = false
  const own: World = {
    get now() {
      return world.now
    },
    random: () => (started ? world.random() : starting.next()),
    log: (level, values) => world.log(level, values),
  }
  const { evaluate } = workshop(own, (born) => ({
    crypto: cryptoOf(own),
    Intl: intlOf(own),
    Function: needs.has('code') ? functionOf(born.Function as FunctionConstructor) : Function.prototype.constructor,
    ...(needs.has('bytes') && Object.fromEntries(BYTES.map((name) => [name, born[name]]))),
  }))
  const made = evaluate(`${source}\n//# sourceURL=lakeloop:package/${slug}`) as Evaluated
  started = true
  return made
}

/** The compartment's own `Function`. Templates of HTML become code with HTML comments in its strings. */
function functionOf(Own: FunctionConstructor): unknown {
  const made = function (this: unknown, ...parts: unknown[]): unknown {
    return Reflect.construct(
      Own,
      parts.map((part) => escaped(`${part}`)),
    )
  }
  Object.defineProperties(made, {
    name: { value: 'Function' },
    prototype: { value: Function.prototype, writable: false },
  })
  return harden(made)
}

/** Random like `Math.random`, and no better: made of the seed, so that a repeat gives the same ids. */
function cryptoOf(world: World): object {
  const getRandomValues = <Bytes extends Uint32Array>(into: Bytes): Bytes => {
    for (let at = 0; at < into.length; at += 1) into[at] = Math.floor(world.random() * 2 ** 32)
    return into
  }
  /** Version 4, variant 1. Source: RFC 9562, section 5.4. */
  const randomUUID = (): string =>
    'xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx'.replace(/[xv]/g, (place) => {
      const digit = Math.floor(world.random() * 16)
      return (place === 'x' ? digit : (digit & 3) | 8).toString(16)
    })
  return harden({ getRandomValues, randomUUID })
}

function namesFor({ kind, exports }: Evaluated): object {
  const hasDefault = kind === 'esm' || (kind === 'interop' && has(exports, '__esModule') && has(exports, 'default'))
  const { __esModule: _, ...names } = Object.fromEntries(Object.entries(Object(exports) as object))
  return frozenNames(hasDefault ? names : { ...names, default: exports })
}

/** Node marks what `require` gives of a module in this way where it has a default, so that compiled code finds that. */
const marked = (names: object): object => ('default' in names ? frozenNames({ ...names, __esModule: true }) : names)

const frozenNames = (names: object): object =>
  Object.freeze(
    Object.defineProperty(Object.assign(Object.create(null), names) as object, Symbol.toStringTag, { value: 'Module' }),
  )

const has = (exports: unknown, name: string): boolean => Object(exports) === exports && name in (exports as object)
