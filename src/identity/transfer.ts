import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { keyPart } from '../stores/store.js'
import { anew, oneForEach } from './anew.js'
import { type NewRecord, type RecordRef, type StoredRecord, type Word, wordOf } from './evidence.js'
import type { Rows } from './rows.js'
import type { Rules } from './rules.js'
import type { Observed, Writer } from './writer.js'

/** Names the form of the file. Its version grows when an older lakeloop could not read it rightly. */
const FORMAT = 'lakeloop-identity'
const VERSION = 1

/** Records that are read, and taken in, together. */
const PAGE = 500

/**
 * All evidence of a graph: a header, one line for each record with its denials, in the order of keys, and a last line that
 * counts them.
 *
 * Throws  IDENTITY_RULES_CHANGED if rules are adopted while it runs.
 */
export async function* exported(graph: Rows, assertOpen: () => void): AsyncGenerator<string> {
  assertOpen()
  const meta = await graph.meta()
  const rows = graph.at(meta)
  yield line({ format: FORMAT, version: VERSION, graph: graph.metaKey[0], rulesHash: meta?.rules ?? null })
  let records = 0
  for await (const page of rows.pages('evidence', PAGE)) {
    assertOpen()
    if (graph.at(await graph.meta()).graph !== rows.graph) throw new LakeloopError('IDENTITY_RULES_CHANGED')
    for (const { key, value } of page) yield line({ ref: key.slice(1), ...(value as StoredRecord) })
    records += page.length
  }
  yield line({ records })
}

const line = (value: object): string => `${JSON.stringify(value)}\n`

const HEADER = z.looseObject({ format: z.literal(FORMAT), version: z.int().min(1) })
const END = z.strictObject({ records: z.int().min(0) })
const RECORD = z.looseObject({
  ref: z
    .array(z.string().refine((part) => part !== '' && part === keyPart(part)))
    .min(2)
    .max(3),
  at: z.number().nullable(),
  ids: z.array(z.array(z.string()).min(2)),
  unusable: z.array(z.tuple([z.string(), z.string(), z.string()])).optional(),
  apart: z.literal(true).optional(),
  together: z.literal(true).optional(),
  blocked: z.literal(true).optional(),
})

/** The word that a record says of itself to be; a pin says nothing. */
function saidBy({ apart, together, blocked }: Omit<z.infer<typeof RECORD>, 'ref'>): Word | undefined {
  if (apart) return 'deny'
  if (together) return 'merge'
  return blocked ? 'block' : undefined
}

/**
 * Takes in what {@link exported} wrote, each record read anew under these rules.
 *
 * Repeat   the same lines again change nothing. What is there already stays, unless the line is newer.
 * Throws   IDENTITY_IMPORT_INVALID with the number of the line, never what stands in it; what came before it is taken in.
 *          IDENTITY_VERSION_NEWER.
 */
export async function imported(
  writer: Writer,
  rules: Rules,
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<Observed> {
  const reader = new Reader(rules)
  const sum = { records: 0, identifiers: 0, blocked: 0 }
  let batch: NewRecord[] = []
  const settle = async (): Promise<void> => {
    const done = await writer.write(oneForEach(batch))
    batch = []
    for (const name of ['records', 'identifiers', 'blocked'] as const) sum[name] += done[name]
  }
  for await (const text of lines) {
    const record = reader.read(text)
    if (record !== undefined) batch.push(record)
    if (batch.length >= PAGE) await settle()
  }
  await settle()
  reader.end()
  return { ...sum, conflicts: await writer.conflictCount() }
}

/** Knows which line comes, and what may stand in it. */
class Reader {
  #line = 0
  #records = 0
  #state: 'header' | 'records' | 'end' = 'header'
  readonly #rules: Rules

  constructor(rules: Rules) {
    this.#rules = rules
  }

  /** The record of a line; undefined for one without. */
  read(text: string): NewRecord | undefined {
    this.#line += 1
    if (typeof text !== 'string') throw this.#invalid('is no text')
    if (text.trim() === '') return undefined
    const value = this.#parsed(text)
    if (this.#state === 'end') throw this.#invalid('stands behind the end')
    if (this.#state === 'header') this.#header(value)
    else if (END.safeParse(value).success) this.#count((value as z.infer<typeof END>).records)
    else return this.#record(value)
    return undefined
  }

  /** Throws where the last line did not come. */
  end(): void {
    this.#line += 1
    if (this.#state !== 'end') throw this.#invalid('is missing: the file is not whole')
  }

  #header(value: unknown): void {
    const header = HEADER.safeParse(value)
    if (!header.success) throw this.#invalid('is no header of an identity export')
    if (header.data.version > VERSION)
      throw new LakeloopError('IDENTITY_VERSION_NEWER', { part: `import (line ${this.#line})` })
    this.#state = 'records'
  }

  #count(records: number): void {
    if (records !== this.#records) throw this.#invalid('counts other records than came')
    this.#state = 'end'
  }

  #record(value: unknown): NewRecord {
    const checked = RECORD.safeParse(value)
    if (!checked.success) throw this.#invalid('is no record')
    const { ref: parts, ...record } = checked.data
    const ref = parts as readonly string[] as RecordRef
    // What begins like a name of ours, and is none that this version knows, means something that would be lost.
    const word = wordOf(ref)
    if (ref[0].startsWith('!') !== (word !== undefined) || saidBy(record) !== (word === 'pin' ? undefined : word)) {
      throw this.#invalid('is of no known kind')
    }
    this.#records += 1
    return anew(this.#rules, ref, record as object as StoredRecord)
  }

  #parsed(text: string): unknown {
    try {
      return JSON.parse(text) as unknown
    } catch {
      throw this.#invalid('is no JSON')
    }
  }

  #invalid(problem: string) {
    return new LakeloopError('IDENTITY_IMPORT_INVALID', { line: this.#line, problem })
  }
}
