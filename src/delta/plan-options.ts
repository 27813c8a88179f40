import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'

const isIterable = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)

const PLAN = z.strictObject({
  project: z.string().min(1),
  owner: z.string().min(1),
  list: z.union([z.string().min(1), z.int()], 'is neither the name nor the number of a list'),
  complete: z.boolean(),
  epoch: z.string().optional(),
  claims: z.custom(isIterable, 'is no iterable of wishes').optional(),
  removed: z.int().min(0).optional(),
  fence: z.array(z.unknown()).optional(),
  shared: z.unknown().optional(),
})

/** Throws OPTION_INVALID for what `plan` was called with: a misspelt `complete` would take nobody off. */
export function checkPlanOptions(options: object): void {
  const checked = PLAN.safeParse(options)
  if (checked.success) return
  throw new LakeloopError('OPTION_INVALID', { part: 'ListDeltaComputer.plan', ...optionFault(checked.error, PLAN) })
}
