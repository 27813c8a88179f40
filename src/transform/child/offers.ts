import { isFile } from './imports.js'
import { type Module, unknown } from './module.js'
import { Refused } from './refused.js'

/** What a file offers, by name. */
export type Offered = Readonly<Record<string, unknown>>

/** The files of a program by id: data is offered as it is. */
export type Files = ReadonlyMap<string, Module | Offered>

export const isModule = (file: Module | Offered | undefined): file is Module => file !== undefined && 'parsed' in file

/** What is known of the names that a file offers. Source: ECMAScript, ResolveExport and GetExportedNames of source text modules. */
export interface Offers {
  /** By name: where it comes from in the end. Two ways to one place are one name. */
  readonly origins: ReadonlyMap<string, string>
  /** What several files offer from different places, and `export *` hands on from more than one: nobody gets these. */
  readonly ambiguous: ReadonlySet<string>
  /** False where all of a package is handed on, whose names show when it runs. */
  readonly complete: boolean
}

/** Knows what the files of a program offer; circles have been refused before. */
export class AllOffers {
  readonly #files: Files
  readonly #namesOf: (slug: string) => readonly string[] | undefined
  readonly #known = new Map<string, Offers>()

  /** @param namesOf  the names of a package, where they are known yet */
  constructor(files: Files, namesOf: (slug: string) => readonly string[] | undefined = () => undefined) {
    this.#files = files
    this.#namesOf = namesOf
  }

  of(id: string): Offers {
    const known = this.#known.get(id) ?? this.#found(id)
    this.#known.set(id, known)
    return known
  }

  /**
   * Throws  TRANSFORM_UNKNOWN_IDENTIFIER for a name that a file takes and the other does not offer; TRANSFORM_SYNTAX for one that
   *         it offers twice.
   */
  assertTaken({ imports, exports, links, parsed }: Module): void {
    for (const { specifier, name, node } of [...imports, ...exports.handedOn]) {
      if (name === '' || name === '*' || !isFile(specifier)) continue
      const { origins, ambiguous, complete } = this.of(links[specifier] as string)
      if (ambiguous.has(name)) throw twice(parsed.at(node.start), name)
      if (complete && !origins.has(name)) throw unknown(parsed.at(node.start), name, origins.keys())
    }
  }

  #found(id: string): Offers {
    const module = this.#files.get(id)
    if (!isModule(module))
      return { origins: new Map([['default', place(id, 'default')]]), ambiguous: new Set(), complete: true }
    const origins = new Map<string, string>()
    for (const [name, local] of module.exports.names) {
      // By the language all of a file under a name of one's own is one's own.
      const taken = module.imports.find((one) => one.local === local && one.name !== '*')
      origins.set(name, taken === undefined ? place(id, local) : this.#origin(module, taken.specifier, taken.name))
    }
    for (const { specifier, name, as } of module.exports.handedOn) {
      if (as !== '*') origins.set(as, this.#origin(module, specifier, name))
    }
    return this.#withStars(module, origins)
  }

  /** With what comes along with all of other files: never what is named, nor a default. */
  #withStars(module: Module, named: ReadonlyMap<string, string>): Offers {
    const origins = new Map(named)
    const ambiguous = new Set<string>()
    let complete = true
    for (const { specifier, as } of module.exports.handedOn) {
      if (as !== '*') continue
      const other = this.#all(module, specifier)
      complete &&= other.complete
      for (const name of other.ambiguous) if (!named.has(name)) ambiguous.add(name)
      for (const [name, origin] of other.origins) {
        if (name === 'default' || named.has(name)) continue
        if ((origins.get(name) ?? origin) !== origin) ambiguous.add(name)
        origins.set(name, origin)
      }
    }
    for (const name of ambiguous) origins.delete(name)
    return { origins, ambiguous, complete }
  }

  #all(module: Module, specifier: string): Offers {
    if (isFile(specifier)) return this.of(module.links[specifier] as string)
    const names = this.#namesOf(specifier)
    const origins = new Map(names?.map((name) => [name, place(specifier, name)]))
    return { origins, ambiguous: new Set(), complete: names !== undefined }
  }

  #origin({ links }: Module, specifier: string, name: string): string {
    const id = isFile(specifier) ? (links[specifier] as string) : specifier
    const found = isFile(specifier) && name !== '*' ? this.of(id).origins.get(name) : undefined
    return found ?? place(id, name)
  }
}

const place = (id: string, name: string): string => JSON.stringify([id, name])

export const twice = (at: string, name: string): Refused =>
  new Refused('TRANSFORM_SYNTAX', {
    at,
    problem: `${name} comes by \`export *\` from two files: name the one that is meant`,
  })
