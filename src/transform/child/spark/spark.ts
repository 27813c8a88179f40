import type { Spark } from '../../spark.js'
import { cents } from './cents.js'
import { coerce } from './coerce.js'
import { flatten } from './flatten.js'
import { iterableDate } from './iterable-date.js'
import { mapToEntries, mapToObject } from './maps.js'
import { pick } from './pick.js'
import { topK } from './top-k.js'
import { vectorToDense } from './vector.js'

/** What every program gets as `spark`; the batch hardens it. */
export const SPARK: Spark = {
  flatten,
  mapToObject,
  mapToEntries,
  vectorToDense,
  topK,
  pick,
  coerce,
  iterableDate,
  cents,
}
