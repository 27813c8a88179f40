import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import type { Action } from '../model/action.js'
import type { Row } from '../model/row.js'
import type { Json } from '../model/value.js'
import type { Entry } from '../stores/store.js'
import { isOfRow, type Kept, keptIn } from './letter.js'
import { misnamed } from './list-probe.js'

/** What a dead letter is to say from now on: the whole action, or the whole row. */
export type LetterEdit = { readonly action: Action } | { readonly row: Row }

const object = z.record(z.string(), z.json())
const data = { dataFields: object.optional() }
const named = { identifiers: z.record(z.string().min(1), z.string()) }
/** In whole seconds: what is above it is milliseconds, since it is the year 5138. */
const createdAt = z.int().min(0).max(1e11).optional()
const id = z.string().min(1).max(512).optional()
const ids = z.array(z.int()).optional()
const items = z.array(z.looseObject({ id: z.string(), name: z.string(), price: z.number(), quantity: z.int() }))
const list = z.union([z.string(), z.int()]).refine((name) => misnamed(name) === undefined, { error: 'is no list' })

/** What each kind of action may say: what a transform may return, and what identity makes. */
const ACTION = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('profile'), ...named, ...data }),
  z.strictObject({ kind: z.literal('event'), ...named, ...data, eventName: z.string().min(1), id, createdAt }),
  z.strictObject({
    kind: z.literal('purchase'),
    ...named,
    ...data,
    ...{ id, createdAt, items, total: z.number(), campaignId: z.int().optional(), templateId: z.int().optional() },
  }),
  z.strictObject({ kind: z.literal('cart'), ...named, items }),
  z.strictObject({
    kind: z.literal('catalogItem'),
    ...named,
    ...data,
    ...{ catalog: z.string().min(1), item: z.string().min(1), remove: z.boolean().optional() },
  }),
  z.strictObject({ kind: z.literal('membership'), ...named, list, member: z.boolean().optional() }),
  z.strictObject({
    kind: z.literal('subscription'),
    ...named,
    ...{ unsubscribedChannelIds: ids, unsubscribedMessageTypeIds: ids, subscribedMessageTypeIds: ids },
  }),
  z.strictObject({ kind: z.literal('forget'), ...named }),
  z.strictObject({ kind: z.literal('delete'), ...named }),
  z.strictObject({ kind: z.literal('addressChange'), ...named, from: z.string().min(1), to: z.string().min(1) }),
])

/**
 * A dead letter as it is edited: what was on its way does not count as this any more, and its reason stays until it is tried.
 *
 * Throws  DEAD_LETTER_EDIT_INVALID, which names what is wrong and no value.
 */
export function editedLetter(entry: Entry, edit: LetterEdit, at: string): Json {
  const { sent, ...letter } = keptIn(entry)
  const what = isOfRow(entry) ? { row: checkedRow(edit) } : { action: checkedAction(edit, letter) }
  return { ...letter, ...what, edited: at } as unknown as Json
}

function checkedRow(edit: LetterEdit): Row {
  if (!isOnly(edit, 'row')) throw invalid('it is a row, so that the edit is { row } and nothing else')
  return parsed(object, edit.row, 'row')
}

function checkedAction(edit: LetterEdit, { action: before }: Kept): Action {
  if (!isOnly(edit, 'action')) throw invalid('it is an action, so that the edit is { action } and nothing else')
  const action = parsed(ACTION, edit.action, 'action') as Action
  if (action.kind !== before?.kind) throw invalid(`its kind is ${before?.kind ?? 'addressChange'} and stays so`)
  return action
}

const isOnly = <Name extends string>(edit: unknown, name: Name): edit is Readonly<Record<Name, unknown>> =>
  typeof edit === 'object' && edit !== null && Object.keys(edit).join() === name

/** A copy as JSON, so that nothing of the host's is kept. */
function parsed<Shape extends z.ZodType>(shape: Shape, given: unknown, name: string): z.infer<Shape> {
  let plain: unknown
  try {
    plain = JSON.parse(JSON.stringify(given, exact))
  } catch {
    throw invalid(`the ${name} holds what JSON has no text for`)
  }
  const { data: read, error } = shape.safeParse(plain)
  if (error === undefined) return read as z.infer<Shape>
  const [issue] = error.issues
  const field = issue?.path.length ? ` at ${issue.path.map(String).join('.')}` : ''
  throw invalid(`the ${name}${field} is not valid: ${issue?.message ?? ''}`)
}

/** JSON would write `null` for these, and say nothing of functions. */
function exact(_: string, value: unknown): unknown {
  if (
    typeof value === 'function' ||
    typeof value === 'symbol' ||
    (typeof value === 'number' && !Number.isFinite(value))
  )
    throw new TypeError('no JSON')
  return value
}

const invalid = (problem: string): LakeloopError => new LakeloopError('DEAD_LETTER_EDIT_INVALID', { problem })
