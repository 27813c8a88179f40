import { createHash } from 'node:crypto'
import { LakeloopError } from '../errors.js'
import type { ActionBlock, ListRef, Shape } from '../model/action.js'
import type { Column, RowBlock, Schema } from '../model/row.js'
import type { Page } from '../sources/source.js'
import type { Transform, Transformed } from '../transform/transform.js'

/** A list that the rows themselves are the audience of, so that no code has to say who is on it. */
export interface Audience {
  readonly list: ListRef
  /**
   * A column of type boolean: the row's person is on the list where it is true. NULL does not hold, as in SQL's WHERE.
   * Left out: everybody whom the source has.
   */
  readonly where?: string | undefined
}

/** What a run asks of a program: a {@link Transform}, or one that an audience was added to. */
export type Program = Pick<Transform, 'name' | 'prepare' | 'run' | 'close'>

const invalid = (option: string, problem: string) =>
  new LakeloopError('OPTION_INVALID', { part: 'Sync', option: `audience.${option}`, problem })

/** A page that changes only some of an audience cannot be the whole of it. Throws OPTION_INVALID. */
export function assertWhole({ list }: Audience, mode: Page['mode'], source: string): void {
  if (mode === 'snapshot') return
  throw invalid('list', `${list} needs a source that gives its whole audience: set complete: true on ${source}`)
}

/** Throws OPTION_INVALID where the rows have no such column, or one of another type. */
export function assertColumn({ where }: Audience, { columns }: Pick<Schema, 'columns'>): void {
  if (where === undefined || columns.length === 0) return // rows that are not there have no columns
  const column = columns.find(({ name }) => name === where)
  if (column === undefined)
    throw invalid('where', `names the column ${where}, which is not there${nearest(where, columns)}`)
  if (column.type !== 'boolean')
    throw invalid('where', `names the column ${where}, which is ${column.type} and not boolean`)
}

const nearest = (where: string, columns: readonly Column[]): string => {
  const alike = columns.find(({ name }) => name.toLowerCase() === where.toLowerCase())
  return alike === undefined ? '' : ` (there is ${alike.name})`
}

/**
 * The program, and a place on the list behind what it makes of each row. The person is the one whom the row's first
 * action names; a row that the program leaves out is nobody's, and one that it refuses is undecided (I5).
 *
 * Cost    where there is a `where`, each row is decoded once more.
 */
export function withAudience(program: Program, audience: Audience): Program {
  const { list, where } = audience
  const reads = where === undefined ? [] : [{ column: where, at: 'audience.where' }]
  const said = JSON.stringify([list, where ?? null])
  let checked: Schema | undefined
  return {
    name: program.name,
    async prepare(signal) {
      const facts = await program.prepare(signal)
      const version = createHash('sha256').update(`${facts.version}\n${said}`).digest('hex')
      return {
        ...facts,
        version,
        reads: [...facts.reads, ...reads.filter(({ column }) => !isRead(facts.reads, column))],
      }
    },
    async run(page: { readonly rows: RowBlock } & Partial<Pick<Page, 'mode' | 'schema'>>, context) {
      const made = await program.run(page, context)
      assertOnlyOne(made.actions, list)
      // Rows that were kept by former runs are no part of today's audience: who still belongs to it is in the snapshot.
      if (page.mode !== 'snapshot') return made
      if (page.schema !== undefined && page.schema !== checked) assertColumn(audience, page.schema)
      checked = page.schema
      const isMember = (row: number): boolean => where === undefined || page.rows.at(row)[where] === true
      return withMemberships(made, list, isMember)
    },
    close: () => program.close(),
  }
}

const isRead = (reads: readonly { readonly column: string }[], where: string): boolean =>
  reads.some(({ column }) => column === where)

function assertOnlyOne(actions: ActionBlock, list: ListRef): void {
  for (let action = 0; action < actions.length; action++) {
    if (actions.kind(action) !== 'membership' || actions.detail(action).list !== list) continue
    throw invalid('list', `${list} is written by the transform as well: let one of the two decide`)
  }
}

const NO_FIELDS: Shape = { fields: new Map(), dotted: false }
const EMPTY = new TextEncoder().encode('{}')

/** Behind the last action of each row that names a person, a membership of the same person. */
function withMemberships(made: Transformed, list: ListRef, isMember: (row: number) => boolean): Transformed {
  const { actions } = made
  const at: { readonly action: number; readonly member?: boolean }[] = []
  const rows = made.rows.map((fate, row) => {
    if (fate.status !== 'made') return fate
    const from = at.length
    for (let nth = 0; nth < fate.count; nth++) at.push({ action: fate.from + nth })
    const named = at.slice(from).find(({ action }) => actions.kind(action) !== 'catalogItem')
    if (named !== undefined) at.push({ action: named.action, member: isMember(row) })
    return { ...fate, from, count: at.length - from }
  })
  const of = (index: number): number => at[index]?.action as number
  const member = (index: number): boolean | undefined => at[index]?.member
  const block: ActionBlock = {
    length: at.length,
    kind: (index) => (member(index) === undefined ? actions.kind(of(index)) : 'membership'),
    row: (index) => actions.row(of(index)),
    key: (index) => actions.key(of(index)),
    changedAt: (index) => actions.changedAt(of(index)),
    identifiers: (index) => actions.identifiers(of(index)),
    address: (index) => actions.address(of(index)),
    detail(index) {
      const wanted = member(index)
      return wanted === undefined ? actions.detail(of(index)) : { list, member: wanted }
    },
    shape: (index) => (member(index) === undefined ? actions.shape(of(index)) : NO_FIELDS),
    payload: (index) => (member(index) === undefined ? actions.payload(of(index)) : EMPTY),
  }
  return { ...made, actions: block, rows }
}
