import type { Subject } from '../history/page-records.js'
import type { ActionEnd, EndKind } from '../history/place.js'
import type { Action } from '../model/action.js'
import type { Identifiers } from '../model/identifier.js'
import type { Outcome, OutcomeStatus } from '../model/outcome.js'
import type { JsonObject } from '../model/value.js'
import { sameBag } from './evidence.js'
import type { PageWork } from './page.js'

/** What became of an action, as history keeps it. */
export function endOf(kind: EndKind, outcome: Outcome, { list, member }: JsonObject = {}): ActionEnd {
  return {
    kind,
    status: outcome.status,
    ...('reason' in outcome ? { reason: outcome.reason } : {}),
    ...(list === undefined ? {} : { list: String(list) }),
    ...(typeof member === 'boolean' ? { member } : {}),
  }
}

/** An action that is no part of a page: one that was parked, or one of identity's. */
export function subjectOf(
  { kind, identifiers, ...detail }: Pick<Action, 'kind' | 'identifiers'>,
  { key, address }: { readonly key?: string | undefined; readonly address: string | undefined },
  outcome: Outcome,
): Subject {
  return {
    identifiers,
    key,
    address,
    ends: [endOf(kind, outcome, kind === 'membership' ? (detail as JsonObject) : {})],
  }
}

/** Of each row of a finished page: whom it named, and what became of what it asked for; or of itself, if that was nothing. */
export function subjectsOf(work: PageWork): readonly Subject[] {
  const { block, page } = work
  const subjects: Subject[] = []
  let action = 0
  for (let row = 0; row < page.rows.length; row += 1) {
    const key = page.rows.key(row)
    if (action >= block.length || block.row(action) !== row) {
      const told = work.forgotten.has(row) ? undefined : key
      subjects.push({ identifiers: {}, key: told, address: undefined, ends: [endOf('row', outcomeOfRow(work, row))] })
    }
    while (action < block.length && block.row(action) === row) {
      const identifiers = block.identifiers(action)
      const address = work.address(action)
      const from = action
      do action += 1
      while (action < block.length && block.row(action) === row && isOf(work, action, identifiers, address))
      subjects.push({ identifiers, key, address, ends: endsOf(work, row, from, action) })
    }
  }
  return subjects
}

/** What became of the actions [from, to) of a row. */
function endsOf(work: PageWork, row: number, from: number, to: number): readonly ActionEnd[] {
  const { block } = work
  const ends: ActionEnd[] = []
  for (let action = from; action < to; action += 1) {
    const kind = block.kind(action)
    const outcome = work.outcome(action) ?? outcomeOfRow(work, row)
    const isPlain = kind !== 'membership' && !('reason' in outcome)
    if (isPlain && to === from + 1) return plainEnd(kind, outcome)
    ends.push(endOf(kind, outcome, kind === 'membership' ? block.detail(action) : {}))
  }
  return ends
}

const plainEnds = new Map<EndKind, Map<OutcomeStatus, readonly ActionEnd[]>>()

/** The one end of most rows, which says no more than that: the same list each time. */
function plainEnd(kind: EndKind, outcome: Outcome): readonly ActionEnd[] {
  const ofKind = plainEnds.get(kind) ?? new Map<OutcomeStatus, readonly ActionEnd[]>()
  plainEnds.set(kind, ofKind)
  const ends = ofKind.get(outcome.status) ?? [endOf(kind, outcome)]
  ofKind.set(outcome.status, ends)
  return ends
}

const isOf = (work: PageWork, action: number, identifiers: Identifiers, address: string | undefined): boolean =>
  work.address(action) === address && sameBag(work.block.identifiers(action), identifiers)

function outcomeOfRow(work: PageWork, row: number): Outcome {
  const status = work.status(row) ?? 'filtered'
  const reason = work.reason(row)
  return reason === undefined ? ({ status } as Outcome) : ({ status, reason } as Outcome)
}
