import { compareBytes } from '../../../model/byte-order.js'
import type { Absent, Nested, TopKForms, TopKOptions } from '../../spark.js'
import { isAbsent, oneOf, optionReader } from './given.js'
import { namedEntries } from './maps.js'

type Form = keyof TopKForms
type Ranked = readonly [name: string, number: number]

const read = optionReader<TopKOptions<Form>>('topK', {
  by: ['value', oneOf('value', 'abs')],
  as: ['entries', oneOf('entries', 'object', 'names')],
})

export function topK<V extends Nested, A extends Form = 'entries'>(
  map: V,
  k: number,
  given?: TopKOptions<A>,
): TopKForms[A] | Absent<V> {
  const { by, as } = read(given)
  if (!Number.isSafeInteger(k) || k < 0) throw new RangeError('topK: k has to be a whole number of at least 0')
  if (isAbsent(map)) return map as Absent<V>
  const size = by === 'abs' ? Math.abs : (number: number): number => number
  const ranked = rankable(map).sort(([a, one], [b, other]) => {
    return size(other) - size(one) || compareBytes(a, b)
  })
  return formed(ranked.slice(0, k), as) as TopKForms[A]
}

function rankable(map: object): Ranked[] {
  const found: Ranked[] = []
  for (const [name, value] of namedEntries('topK', map)) {
    if (isAbsent(value)) continue
    if (typeof value !== 'number') throw new TypeError('topK: a value is no number')
    if (Number.isFinite(value)) found.push([name, value])
  }
  return found
}

function formed(best: readonly Ranked[], as: Form): TopKForms[Form] {
  if (as === 'names') return best.map(([name]) => name)
  return as === 'object' ? Object.fromEntries(best) : best.map(([key, value]) => ({ key, value }))
}
