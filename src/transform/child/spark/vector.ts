import type { Absent, Nested, VectorOptions } from '../../spark.js'
import { isAbsent, isStruct, optionReader, wholeUpTo } from './given.js'

const SIZE_MAX = 10_000
const SIZE_MAX_MAX = 1_000_000

/** A vector as it is written. `size` and `indices` are those of a sparse one; a dense one may leave them out. */
interface Written {
  readonly isDense: boolean
  readonly size: unknown
  readonly indices: unknown
  readonly values: unknown
}

const read = optionReader<VectorOptions>('vectorToDense', { sizeMax: [SIZE_MAX, wholeUpTo(SIZE_MAX_MAX)] })

export function vectorToDense<V extends Nested>(vector: V, given?: VectorOptions): number[] | Absent<V> {
  const { sizeMax } = read(given)
  if (isAbsent(vector)) return vector as Absent<V>
  const { isDense, size, ...lists } = written(vector)
  const values = numbers(lists.values)
  const length = isDense && isAbsent(size) ? values.length : size
  if (!isLength(length)) throw new TypeError('vectorToDense: the size is no whole number')
  if (length > sizeMax) throw new RangeError('vectorToDense: more elements than sizeMax')
  if (!isDense) return spread(length, numbers(lists.indices), values)
  if (length !== values.length) throw new RangeError('vectorToDense: size and number of values differ')
  return values
}

const isLength = (size: unknown): size is number => Number.isSafeInteger(size) && (size as number) >= 0

/**
 * Source: Spark `VectorUDT.scala`, whose struct also its own JSON has, without what is NULL. The form with words and
 * `length` is that of Databricks notebooks (unverified).
 */
function written(vector: object): Written {
  if (Array.isArray(vector)) return { isDense: true, size: null, indices: null, values: vector }
  if (!isStruct(vector)) throw new TypeError('vectorToDense: what is given is no vector')
  const { type, size, vectorType, length, indices, values } = vector
  if (type === 0 || type === 1) return { isDense: type === 1, size, indices, values }
  if (vectorType === 'sparse' || vectorType === 'dense') {
    return { isDense: vectorType === 'dense', size: length, indices, values }
  }
  throw new TypeError('vectorToDense: neither a dense nor a sparse vector')
}

/** A copy. What was left out of an array stands there as `null`, which is no number. */
function numbers(list: unknown): number[] {
  const copy: unknown[] = Array.isArray(list) ? [...list] : [undefined]
  if (!copy.every(Number.isFinite)) throw new TypeError('vectorToDense: values or indices are no finite numbers')
  return copy as number[]
}

function spread(size: number, indices: readonly number[], values: readonly number[]): number[] {
  if (indices.length !== values.length) throw new RangeError('vectorToDense: not as many indices as values')
  const dense = Array<number>(size).fill(0)
  let before = -1
  for (const [at, index] of indices.entries()) {
    if (!isLength(index) || index >= size) throw new RangeError('vectorToDense: an index out of range')
    if (index <= before) throw new RangeError('vectorToDense: the indices do not ascend')
    dense[index] = values[at] as number
    before = index
  }
  return dense
}
