import { isOfTheForgotten } from '../model/outcome.js'
import type { Json } from '../model/value.js'
import type { Op } from '../stores/store.js'
import { type Block, ENTRY_BYTES, type PageHead, writeEntry } from './block.js'
import { Dictionary } from './dictionary.js'
import { type Hasher, handleOf, handlesOf, keyHandle } from './handles.js'
import { type ActionEnd, padded, partKey, type Scope } from './place.js'

/** A person as one row named them, and what became of each action for them; or a row that no action was made of. */
export interface Subject {
  readonly identifiers: Readonly<Record<string, string>>
  readonly key: string | undefined
  /** Where the destination has them, where that is known. */
  readonly address: string | undefined
  /** Subjects that ended alike may have the same list: then it is numbered once. */
  readonly ends: readonly ActionEnd[]
}

/** Subjects of one record, so that none grows with the page. */
const SUBJECTS_MAX = 4_096
/** Room that is made for the handles of a subject at first. */
const HANDLES_MOSTLY = 4
/** Reasons of one record that are kept with their facts; of further ones the code is. */
const REASONS_MAX = 200

/** A finished page as it is kept until it is folded. */
export interface PageRecord {
  readonly head: Block['head']
  /** Base64. */
  readonly entries: string
}

/** Keys and addresses of a page in the clear, by number of the subject; `null` where there is none, or it was erased. */
export interface PlainText {
  readonly ends: readonly ActionEnd[]
  readonly subjects: readonly (readonly [key: string | null, address: string | null, ends: readonly number[]])[]
}

export interface Writing {
  readonly scope: Scope
  readonly hasher: Hasher
  readonly runId: string
  readonly addressedBy: string
  /** Keys and addresses are kept in the clear too. */
  readonly plain: boolean
}

/** What was recorded: the ops, and how much it is. */
export interface Recorded {
  readonly ops: readonly Op[]
  readonly pages: number
  readonly entries: number
}

/** Records of some subjects, for the commit that finishes them. `idOf` names the next record. */
export function recorded(
  writing: Writing,
  subjects: readonly Subject[],
  { at, nextId }: { readonly at: number; readonly nextId: () => string },
): Recorded {
  const ops: Op[] = []
  let pages = 0
  let entries = 0
  for (let from = 0; from < subjects.length; from += SUBJECTS_MAX) {
    const id = nextId()
    const made = blockOf(writing, subjects.slice(from, from + SUBJECTS_MAX), { id, at })
    const record: PageRecord = { head: made.block.head, entries: made.block.entries.toString('base64') }
    ops.push(put(partKey(writing.scope, 'page', id), record))
    if (made.text !== undefined) ops.push(put(partKey(writing.scope, 'text', id), made.text))
    pages += 1
    entries += made.block.entries.length / ENTRY_BYTES
  }
  return { ops, pages, entries }
}

const put = (key: readonly string[], value: PageRecord | PlainText): Op => ({
  op: 'put',
  table: 'outcome',
  key,
  value: value as unknown as Json,
})

export const pageId = (turn: number, nth: number): string => `${padded(turn, 12)}-${padded(nth, 9)}`

function blockOf(
  { hasher, runId, addressedBy, plain }: Writing,
  subjects: readonly Subject[],
  { id, at }: { readonly id: string; readonly at: number },
): { readonly block: Block; readonly text: PlainText | undefined } {
  const dictionary = new Dictionary(REASONS_MAX)
  const counts: number[] = []
  const known = new Map<Subject['ends'], Ended>()
  let entries = Buffer.allocUnsafe(subjects.length * HANDLES_MOSTLY * ENTRY_BYTES)
  const text: PlainText['subjects'][number][] = []
  let length = 0
  subjects.forEach((subject, nth) => {
    const { ends } = subject
    const { numbers, combo, isOfForgotten } = known.get(ends) ?? numbered(ends, dictionary, known)
    for (const end of numbers) counts[end] = (counts[end] ?? 0) + 1
    const handles = isOfForgotten ? NONE : handlesOfSubject(subject, addressedBy)
    while (length + handles.length * ENTRY_BYTES > entries.length) entries = Buffer.concat([entries, entries])
    for (const handle of handles) {
      writeEntry(entries, length, hasher.of(handle), nth, combo)
      length += ENTRY_BYTES
    }
    const { key = null, address = null } = isOfForgotten ? NOBODY : subject
    if (plain) text.push([key, address, numbers])
  })
  const page: PageHead = {
    id,
    run: runId,
    at,
    first: 0,
    subjects: subjects.length,
    counts: counts.map((actions, end) => [end, actions]),
    ...(plain ? { plain } : {}),
  }
  const head = { pages: [page], ends: dictionary.ends, combos: dictionary.combos }
  return {
    block: { head, entries: entries.subarray(0, length) },
    text: plain ? { ends: dictionary.ends, subjects: text } : undefined,
  }
}

const NONE: readonly string[] = []
const NOBODY: Partial<Subject> = {}

/** The numbers of some ends, and of their combo. */
interface Ended {
  readonly numbers: readonly number[]
  readonly combo: number
  /** It is counted what became of the actions, and nothing tells whose they were. */
  readonly isOfForgotten: boolean
}

function numbered(ends: Subject['ends'], dictionary: Dictionary, known: Map<Subject['ends'], Ended>): Ended {
  const numbers = ends.map((end) => dictionary.end(end))
  const isOfForgotten = ends.some(({ reason }) => reason !== undefined && isOfTheForgotten(reason))
  const ended = { numbers, combo: dictionary.combo(numbers), isOfForgotten }
  known.set(ends, ended)
  return ended
}

/** Each once: an address is mostly an identifier too. */
function handlesOfSubject({ identifiers, key, address }: Subject, addressedBy: string): readonly string[] {
  const handles = handlesOf(identifiers)
  if (address && address !== identifiers[addressedBy]) addTo(handles, handleOf(addressedBy, address))
  if (key) addTo(handles, keyHandle(key))
  return handles
}

function addTo(handles: string[], handle: string): void {
  if (!handles.includes(handle)) handles.push(handle)
}
