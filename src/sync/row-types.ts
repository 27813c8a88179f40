import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'
import type { Schema } from '../model/row.js'
import type { Source } from '../sources/source.js'
import { pagesFrom, sourceError } from '../sources/source-error.js'
import { columnsIn, rowTypes } from '../transform/declared/row-types.js'

export interface TypesRequest {
  /** Where the text is written too: a name that ends in `.d.ts`, beside the program, such as `churn.row.d.ts`. */
  readonly file?: string | undefined
  readonly signal?: AbortSignal | undefined
}

const REQUEST = z.strictObject({
  file: z
    .string()
    .regex(/\.d\.ts$/, 'does not end in .d.ts')
    .optional(),
  signal: z.instanceof(AbortSignal).optional(),
})

/** Rows that are read at most where only reading tells the columns. */
const LOOKED_AT = 1_000

/** Row types of what the source reads next: see `Sync.types`. */
export async function sourceTypes(source: Source, request: TypesRequest): Promise<string> {
  const checked = REQUEST.safeParse(request)
  if (!checked.success) {
    throw new LakeloopError('OPTION_INVALID', { part: 'Sync.types', ...optionFault(checked.error, REQUEST) })
  }
  const { file, signal = new AbortController().signal } = request
  const described = await source.describe(signal).catch((error: unknown) => {
    throw sourceError(error, source, signal)
  })
  const schema = described ?? (await shown(source, signal))
  if (schema === undefined || schema.columns.length === 0) {
    throw new LakeloopError('ROW_TYPES_UNKNOWN', { source: source.name })
  }
  const text = rowTypes(schema)
  if (file !== undefined) await keep(file, text)
  return text
}

/** What the first page shows. */
async function shown(source: Source, signal: AbortSignal): Promise<Schema | undefined> {
  for await (const { schema } of pagesFrom(source, { pageSize: LOOKED_AT, signal })) return schema
  return undefined
}

/** As a whole or not at all, and not where the same stands there: an editor, or a build that watches, is left alone. */
async function keep(file: string, text: string): Promise<void> {
  const unwritable = (problem: string, cause?: unknown) =>
    new LakeloopError('ROW_TYPES_UNWRITABLE', { file, problem }, cause)
  const stands = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw unwritable(String(error.code), error)
  })
  if (stands === text) return
  if (stands !== undefined && columnsIn(stands) === undefined) throw unwritable('there is another file of that name')
  const made = `${file}.${randomUUID()}`
  try {
    await writeFile(made, text, { flag: 'wx' })
    await rename(made, file)
  } catch (error) {
    await rm(made, { force: true })
    throw unwritable(String((error as NodeJS.ErrnoException).code), error)
  }
}
