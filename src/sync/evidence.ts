import type { ActionBlock } from '../model/action.js'
import type { Evidence, Identifiers } from '../model/identifier.js'

/** Distinct sets of identifiers per page, so that a person named by several actions of a row is looked up once. */
export function bagsOf(block: ActionBlock): { readonly bags: readonly Identifiers[]; readonly of: readonly number[] } {
  const bags: Identifiers[] = []
  const of: number[] = []
  for (let action = 0; action < block.length; action++) {
    const bag = block.identifiers(action)
    const last = bags.at(-1)
    const same = action > 0 && last !== undefined && block.row(action) === block.row(action - 1) && sameBag(last, bag)
    if (!same) bags.push(bag)
    of.push(bags.length - 1)
  }
  return { bags, of }
}

export function sameBag(a: Identifiers, b: Identifiers): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

/**
 * What the rows of a page show about who is who: one record per row and set of two identifiers or more (I5). Where rows of one key
 * stand in a page, the later one says anew what the earlier one said, as it does from page to page.
 */
export function evidenceOf(block: ActionBlock, source: string): readonly Evidence[] {
  const records: Evidence[] = []
  /** Of the row. */
  let bags: Identifiers[] = []
  for (let action = 0; action < block.length; action++) {
    if (action > 0 && block.row(action) !== block.row(action - 1)) bags = []
    const key = block.key(action)
    if (key === undefined) continue
    const bag = block.identifiers(action)
    const namespaces = Object.keys(bag)
    if (namespaces.length < 2 || bags.some((one) => isAlike(one, bag))) continue
    const nth = bags.push(bag)
    const ids = namespaces.map((namespace) => ({ namespace, value: bag[namespace] as string }))
    records.push({ source, key: nth === 1 ? key : `${key}#${nth}`, observedAt: block.changedAt(action) ?? null, ids })
  }
  return records
}

/** The same identifiers in the same order. */
function isAlike(a: Identifiers, b: Identifiers): boolean {
  const names = Object.keys(b)
  return sameBag(a, b) && Object.keys(a).every((name, at) => name === names[at])
}
