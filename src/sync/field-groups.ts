import { hash } from 'node:crypto'
import { type Fingerprinted, fingerprint } from '../delta/fingerprint.js'
import type { Json, JsonObject } from '../model/value.js'

/** Profile fields by the name of their group; a field that none of them names is of the rest. */
export type GroupedFields = Readonly<Record<string, readonly string[]>>

/** Letters of a hash in a print: 60 bits, so that a change stays unseen once in 10^18. */
const LETTERS = 10
const decoder = new TextDecoder()
const short = (text: string): string => hash('sha256', text, 'base64url').slice(0, LETTERS)

/**
 * What a profile write is known by, part by part, so that of a profile only the parts that changed are sent.
 *
 * Shape   a print is `<head>.<hash of each group>...<hash of the rest>`; a part without fields is empty. Names of fields are
 *         hashed too, so that under other groups what stands in another part counts as changed.
 * Laws    two prints are equal where the writes are, in whatever order their fields stand.
 */
export class FieldGroups {
  readonly #groupOf = new Map<string, number>()
  readonly #rest: number

  constructor(groups: GroupedFields) {
    const fields = Object.values(groups)
    fields.forEach((names, group) => {
      for (const name of names) this.#groupOf.set(name, group)
    })
    this.#rest = fields.length
  }

  print({ payload, ...head }: Fingerprinted): string {
    const parts: string[][] = Array.from({ length: this.#rest + 1 }, () => [])
    const fields = JSON.parse(decoder.decode(payload)) as JsonObject
    for (const name of Object.keys(fields).sort()) {
      parts[this.#at(name)]?.push(`${JSON.stringify(name)}:${JSON.stringify(fields[name] as Json)}`)
    }
    const hashes = parts.map((part) => (part.length === 0 ? '' : short(part.join())))
    return [fingerprint({ ...head, payload: NOTHING }).slice(0, LETTERS), ...hashes].join('.')
  }

  /** The fields of the parts that differ; `undefined` where all of the profile has to be sent. */
  changed(before: string, { print, payload }: { print: string; payload: Uint8Array }): readonly string[] | undefined {
    const [was, is] = [before.split('.'), print.split('.')]
    if (was.length !== is.length || was[0] !== is[0]) return undefined
    const names = Object.keys(JSON.parse(decoder.decode(payload)) as JsonObject)
    return names.filter((name) => was[1 + this.#at(name)] !== is[1 + this.#at(name)])
  }

  #at(name: string): number {
    return this.#groupOf.get(name) ?? this.#rest
  }
}

const NOTHING = new Uint8Array(0)

/** What a profile write is known by: as a whole, or by its groups. Where it is kept says whom it is for. */
export const profilePrint = (groups: FieldGroups | undefined, said: Fingerprinted): string =>
  groups === undefined ? fingerprint(said) : groups.print(said)
