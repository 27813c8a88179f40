import type { LoadRequest, Needs } from '../protocol.js'
import { tamed, type World } from './globals.js'
import { isFile } from './imports.js'
import { type Module, moduleOf, scriptOf, unknown } from './module.js'
import { AllOffers, type Files, isModule, type Offered, type Offers, twice } from './offers.js'
import type { Packages, Require } from './packages.js'
import { Refused } from './refused.js'

/** A program of one file or several, each behind those that it imports. */
export interface Linked {
  readonly entry: Module
  /** In the order in which they run, the entry last. */
  readonly modules: readonly Module[]
  /** Runs all of them anew, and gives what the entry offers. Only the world that was given last is there. */
  readonly open: (world: World) => Offered
}

/** What gives a file's own names, made anew, where `take` gives those of others. */
type Maker = (take: (specifier: string, name: string) => unknown) => object

/**
 * Reads the files of a program, or says which ones it needs besides.
 *
 * Throws  every static error of the table; TRANSFORM_FORBIDDEN_SYNTAX for a circle of imports; TRANSFORM_UNKNOWN_IDENTIFIER
 *         for a name that a file does not offer.
 */
export function link(request: LoadRequest, packages: Packages, resultOf: (entry: Module) => string): Linked | Needs {
  const files = new Map<string, Module | Offered>()
  for (const text of request.modules) files.set(text.id, text.id.endsWith('.json') ? dataOf(text) : moduleOf(text))
  const entry = files.get((request.modules[0] as { id: string }).id) as Module
  const needs = needsOf(files, request)
  if (needs.files.length + needs.packages.length > 0) return needs
  const modules = ordered(entry, files)
  const offers = new AllOffers(files)
  for (const module of modules) offers.assertTaken(module)
  const scripts = modules.map((module, nth) => scriptOf(module, nth, module === entry ? resultOf(entry) : undefined))
  const stage = new Stage(
    scripts,
    modules.some(({ usesRequire }) => usesRequire),
  )
  const open = (world: World): Offered => {
    const require = packages.open(world)
    return new Opened(modules, stage.set(world, require), { files, require, offers }).entry()
  }
  return { entry, modules, open }
}

/**
 * The compartment of a program, for all batches: what it is evaluated to are functions, so that every batch has variables of its
 * own, and nothing else of the compartment can be changed. What V8 has learned of the program lives on: in a compartment for
 * each batch, every one of them would run it cold.
 */
class Stage {
  readonly #scripts: readonly string[]
  readonly #hasRequire: boolean
  #world: World | undefined
  #require: Require | undefined
  #makers: readonly Maker[] | undefined

  constructor(scripts: readonly string[], hasRequire: boolean) {
    this.#scripts = scripts
    this.#hasRequire = hasRequire
  }

  /** Puts another world on. */
  set(world: World, require: Require): readonly Maker[] {
    this.#world = world
    this.#require = require
    this.#makers ??= this.#evaluated()
    return this.#makers
  }

  #evaluated(): readonly Maker[] {
    const worldNow = (): World => this.#world as World
    const seen: World = {
      get now() {
        return worldNow().now
      },
      random: () => worldNow().random(),
      log: (level, values) => worldNow().log(level, values),
    }
    const require = harden((slug: string) => (this.#require as Require)(slug))
    const { evaluate } = tamed(seen, this.#hasRequire ? { require } : {})
    return this.#scripts.map((script) => evaluate(script) as Maker)
  }
}

/** A file of JSON: its default export. */
function dataOf({ id, source }: LoadRequest['modules'][number]): Offered {
  try {
    return harden({ __proto__: null, default: JSON.parse(source) as unknown })
  } catch {
    throw new Refused('TRANSFORM_SYNTAX', { at: `${id}:1:1`, problem: 'the file is no JSON' })
  }
}

function needsOf(files: Files, { packages }: LoadRequest): Needs {
  const needs = {
    type: 'needs',
    files: [] as Needs['files'][number][],
    packages: [] as Needs['packages'][number][],
  } as const
  for (const module of files.values()) {
    if (!isModule(module)) continue
    for (const { specifier, node } of module.needs) {
      const at = module.parsed.at(node.start)
      if (!isFile(specifier)) {
        if (!packages.some(({ slug }) => slug === specifier)) needs.packages.push({ slug: specifier, at })
      } else if (module.links[specifier] === undefined) needs.files.push({ from: module.id, specifier, at })
    }
  }
  return needs
}

/** Each file behind those that it imports. */
function ordered(entry: Module, files: Files): Module[] {
  const done = new Set<Module>()
  const underWay = new Set<Module>()
  const visit = (module: Module): void => {
    underWay.add(module)
    for (const { specifier, node } of module.needs) {
      const other = isFile(specifier) ? files.get(module.links[specifier] as string) : undefined
      if (!isModule(other) || done.has(other)) continue
      if (underWay.has(other)) {
        throw new Refused('TRANSFORM_FORBIDDEN_SYNTAX', {
          at: module.parsed.at(node.start),
          what: 'a circle of imports',
        })
      }
      visit(other)
    }
    done.add(module)
  }
  visit(entry)
  return [...done]
}

interface Surroundings {
  readonly files: Files
  readonly require: Require
  readonly offers: AllOffers
}

/** The files of a program as they run, once, for one batch. */
class Opened {
  readonly #modules: readonly Module[]
  readonly #makers: readonly Maker[]
  readonly #surroundings: Surroundings
  readonly #offered = new Map<string, Offered>()
  #opened: AllOffers | undefined

  constructor(modules: readonly Module[], makers: readonly Maker[], surroundings: Surroundings) {
    this.#modules = modules
    this.#makers = makers
    this.#surroundings = surroundings
  }

  entry(): Offered {
    let last: Offered = {}
    for (const [nth, module] of this.#modules.entries()) {
      const make = this.#makers[nth] as Maker
      last = this.#complete(
        module,
        make((specifier, name) => this.#take(module, specifier, name)),
      )
      this.#offered.set(module.id, last)
    }
    return last
  }

  #complete(module: Module, own: object): Offered {
    const offered = Object.create(null) as Record<string, unknown>
    const { ambiguous } = this.#offersOf(module)
    // What is named goes before what comes with all of another file.
    for (const { specifier, name, as } of module.exports.handedOn) {
      const value = this.#take(module, specifier, name)
      if (as !== '*') offered[as] = value
      else
        for (const [one, held] of Object.entries(value as object)) {
          if (one !== 'default' && !ambiguous.has(one) && !Object.hasOwn(offered, one)) offered[one] = held
        }
    }
    return Object.freeze(Object.defineProperties(offered, Object.getOwnPropertyDescriptors(own)))
  }

  /** What a file offers, with the names of the packages that it hands on. */
  #offersOf({ id }: Module): Offers {
    const { offers } = this.#surroundings
    const known = offers.of(id)
    if (known.complete) return known
    this.#opened ??= new AllOffers(this.#surroundings.files, (slug) => Object.keys(this.#namesOf(slug)))
    return this.#opened.of(id)
  }

  #take(module: Module, specifier: string, name: string): unknown {
    const names = isFile(specifier) ? this.#file(module.links[specifier] as string) : this.#namesOf(specifier)
    if (name === '*' || name === '' || name in names) return name === '*' ? names : names[name]
    const { imports, exports, parsed } = module
    const asked = [...imports, ...exports.handedOn].find((one) => one.specifier === specifier && one.name === name)
    const at = parsed.at((asked?.node ?? parsed.root).start)
    const other = isFile(specifier) ? this.#surroundings.files.get(module.links[specifier] as string) : undefined
    if (isModule(other) && this.#offersOf(other).ambiguous.has(name)) throw twice(at, name)
    throw unknown(at, name, Object.keys(names))
  }

  #file(id: string): Offered {
    const file = this.#surroundings.files.get(id)
    return isModule(file) ? (this.#offered.get(id) as Offered) : (file as Offered)
  }

  /** Of an import, which nothing of the program stands around: what is refused here it cannot catch. */
  #namesOf(slug: string): Offered {
    try {
      return this.#surroundings.require.namespace(slug) as Offered
    } catch {
      throw new Refused('TRANSFORM_PACKAGE_INVALID', { slug, file: slug, problem: 'fails while it loads' })
    }
  }
}
