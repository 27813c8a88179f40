import type { JsonObject } from '../../../model/value.js'

export interface FakeItem {
  readonly value: JsonObject
  /** In ms. */
  readonly lastModified: number
}

/** A catalog. Its writes show in reads after `visibleAfterMs`, as they are accepted (202) and done later. Source: SW. */
export class FakeCatalog {
  readonly id: number
  readonly name: string
  /** What is stored, by item id, case-sensitive. Source: HC-360033215072. */
  readonly items = new Map<string, FakeItem>()
  /** Types that were defined, by dotted path; what has none is undefined until it is mapped. Source: SW. */
  readonly mappings = new Map<string, string>()
  readonly #history: { readonly at: number; readonly id: string; readonly item: FakeItem | undefined }[] = []

  constructor(id: number, name: string) {
    this.id = id
    this.name = name
  }

  set(id: string, item: FakeItem | undefined, at: number): void {
    if (item === undefined) this.items.delete(id)
    else this.items.set(id, item)
    this.#history.push({ at, id, item })
  }

  /** The items as they were at a moment. Cost: a walk over all writes. */
  asOf(at: number): ReadonlyMap<string, FakeItem> {
    const items = new Map<string, FakeItem>()
    for (const write of this.#history) {
      if (write.at > at) continue
      if (write.item === undefined) items.delete(write.id)
      else items.set(write.id, write.item)
    }
    return items
  }

  /** Top-level and nested field names of all items. */
  fields(): ReadonlySet<string> {
    return new Set([...this.items.values()].flatMap(({ value }) => paths(value)))
  }
}

export function paths(value: JsonObject, prefix = ''): string[] {
  return Object.entries(value).flatMap(([name, held]) => {
    const isObject = typeof held === 'object' && held !== null && !Array.isArray(held)
    return [`${prefix}${name}`, ...(isObject ? paths(held as JsonObject, `${prefix}${name}.`) : [])]
  })
}
