import type { LedgerEntry } from 'lakeloop/testing'
import type { Outcome } from '../../../src/model/outcome.js'
import type { Json, JsonObject } from '../../../src/model/value.js'
import type { Played } from './runs.js'
import type { Script, Step } from './script.js'

/** Every way in which what the fake holds is not what the outcomes say, as sentences; none if it is. */
export function lies(script: Script, played: Played): string[] {
  const steps = script.blocks.flat()
  const unsettled = steps.filter(({ mark }) => !played.outcomes.has(mark)).map((step) => `${said(step)} never ended`)
  if (unsettled.length > 0) return unsettled
  const end = (step: Step): Outcome => played.outcomes.get(step.mark) as Outcome
  const doubted = steps.filter((step) => isDoubted(step, end(step), played))
  const isUntold = (step: Step) => marksOf(step, []) === undefined || hasTwin(step, script)
  const unseen = new Set(doubted.filter(isUntold).map(({ about }) => about))
  for (const about of played.liedAbout) unseen.add(about)
  for (const { action, about } of steps) if (action.kind === 'addressChange' && unseen.has(about)) unseen.add(action.to)
  const isThere = (step: Step) => (marksOf(step, played.fake.ledger.entries) ?? []).length > 0
  const applied = steps.filter((step) => end(step).status === 'accepted' || (doubted.includes(step) && isThere(step)))
  return [
    ...steps.flatMap((step) => verdictOf(step, end(step), played, script)),
    ...steps.flatMap((step) =>
      doubted.includes(step) || hasTwin(step, script) ? [] : effectOf(step, end(step), played, script),
    ),
    ...disorder(steps, played),
    ...new Truth(asWritten(applied, doubted, played), played, script).differences(unseen),
  ]
}

/**
 * The steps in their order, but for what was doubted and is there: taken apart after its answer was lost, an older write of
 * the same thing may have come again without it, and stands last.
 */
function asWritten(applied: readonly Step[], doubted: readonly Step[], { fake }: Played): readonly Step[] {
  const last = (step: Step) => marksOf(step, fake.ledger.entries)?.at(-1)?.seq ?? 0
  const order: Step[] = []
  for (const step of applied) {
    const isLater = (one: Step) =>
      one.about === step.about && one.action.kind === step.action.kind && last(one) > last(step)
    const at = doubted.includes(step) ? order.findIndex(isLater) : -1
    order.splice(at < 0 ? order.length : at, 0, step)
  }
  return order
}

/** The same move twice, in a hybrid project any two to one email: the ledger does not tell which of the two it was. */
const hasTwin = ({ action }: Step, { blocks, projectType }: Script): boolean => {
  if (action.kind !== 'addressChange') return false
  const isTwin = (other: Step['action']) =>
    other.kind === 'addressChange' && other.to === action.to && (projectType === 'hybrid' || other.from === action.from)
  return blocks.flat().filter((step) => isTwin(step.action)).length > 1
}

/** The work was done, and then a mishap refused what was sent again: nobody can know. */
const isDoubted = ({ about }: Step, outcome: Outcome, { lost, liedAbout }: Played): boolean =>
  liedAbout.has(about) || (lost.has(about) && INJECTED.has(codeOf(outcome)))

const said = ({ mark, action, about }: Step): string => `${action.kind} ${mark} of ${about}`
const codeOf = (outcome: Outcome): string => ('reason' in outcome ? outcome.reason.code : outcome.status)

/** What a row that a mishap named as failed may be rejected with. */
const NAMED = ['ROW_REFUSED', 'DATA_INVALID', 'USER_FORGOTTEN', 'USER_CONFLICT', 'EMAIL_INVALID', 'USER_ID_INVALID']

// That of a type is our own: the lost write may have made the field.
const INJECTED = new Set([...NAMED, 'ROW_TOO_LARGE', 'ROW_FAILED_UNNAMED', 'FIELD_TYPE_CONFLICT'])

/** Whether it may have ended so. */
function verdictOf(step: Step, outcome: Outcome, played: Played, { unsure }: Script): string[] {
  const { about, must, may } = step
  const code = codeOf(outcome)
  const isNamed = played.named.has(about)
  const allowed = [
    ...(must === undefined ? ['accepted'] : [must]),
    ...may,
    ...(isNamed ? NAMED : []),
    ...(played.tooLarge.has(about) ? ['ROW_TOO_LARGE'] : []),
    // Where an answer of old has no list for it, a failure is one without a name.
    ...(played.liedAbout.has(about) || (unsure.bulkShape === '2022' && (isNamed || may.length > 0))
      ? ['ROW_FAILED_UNNAMED']
      : []),
  ]
  return allowed.includes(code) ? [] : [`${said(step)} ended as ${code}`]
}

/** The entries of the ledger that this action has left; `undefined` for those that leave no mark of their own. */
function marksOf({ mark, action, about }: Step, entries: readonly LedgerEntry[]): readonly LedgerEntry[] | undefined {
  const has = (kind: string, holds: (detail: JsonObject) => boolean) =>
    entries.filter((entry) => entry.kind === kind && holds(entry.detail))
  switch (action.kind) {
    case 'profile':
      return has('profile', (detail) => detail[`m${mark}`] === true)
    case 'event':
      return has('event', ({ id, eventName }) => id === `event-${mark}` || eventName === `seen ${mark}`)
    case 'purchase':
      return has('purchase', ({ id }) => id === `order-${mark}`)
    case 'cart':
      return has('cart', ({ items }) => items === mark)
    case 'subscription':
      return has('subscriptions', ({ unsubscribedChannelIds: ids }) => Array.isArray(ids) && ids[0] === mark)
    case 'catalogItem':
      return action.remove === true ? undefined : has('item', (detail) => detail.mark === mark)
    case 'addressChange':
      return [
        ...has('updateEmail', ({ from }) => from === about).filter(({ address }) => address === action.to),
        ...has('profile', ({ email }) => email === action.to), // in hybrid projects
      ]
    default:
      return undefined
  }
}

/** Kinds that are applied once, whatever happens on the way. */
const ONCE = new Set(['cart', 'addressChange'])

/** An item that another one of the same request replaces is not sent; who stands at the new address need not be moved. */
const MAY_BE_UNSEEN = new Set(['catalogItem', 'addressChange'])

function effectOf(step: Step, outcome: Outcome, played: Played, { unsure }: Script): string[] {
  const marks = marksOf(step, played.fake.ledger.entries)
  if (marks === undefined) return []
  const { kind } = step.action
  const stored = new Set(marks.map(({ detail }) => detail.id)).size
  if (stored > 1) return [`${said(step)} is stored ${stored} times`]
  const isOnce = ONCE.has(kind) || (kind === 'purchase' && unsure.purchasesAmongEvents === true)
  if (outcome.status !== 'accepted') return marks.length === 0 ? [] : [`${said(step)} was rejected and applied`]
  if (marks.length === 0 && !MAY_BE_UNSEEN.has(kind)) return [`${said(step)} was accepted and not applied`]
  return isOnce && marks.length > 1 ? [`${said(step)} was applied ${marks.length} times`] : []
}

/**
 * Of one address and kind, nothing older may come after something newer: in an entry of several the oldest counts. An item
 * shows the last of several only, so that one that is taken apart again seems to go back; its end is compared instead.
 */
function disorder(steps: readonly Step[], { fake }: Played): string[] {
  const ordered = new Set(['profile', 'subscription', 'cart', 'purchase'])
  const markOf = new Map<number, number>()
  for (const step of steps.filter(({ action }) => ordered.has(action.kind))) {
    for (const { seq } of marksOf(step, fake.ledger.entries) ?? [])
      markOf.set(seq, Math.min(step.mark, markOf.get(seq) ?? step.mark))
  }
  const last = new Map<string, number>()
  return fake.ledger.entries.flatMap(({ seq, address, kind }) => {
    const mark = markOf.get(seq)
    if (mark === undefined) return []
    const group = `${kind === 'purchase' ? 'cart' : kind} ${address}`
    const before = last.get(group) ?? 0
    last.set(group, mark)
    return mark >= before ? [] : [`${kind} ${mark} of ${address} came after ${before}`]
  })
}

interface Person {
  fields: Record<string, Json>
  readonly lists: Set<string>
}

/** What is to be there after these actions, one after the other. */
class Truth {
  readonly #played: Played
  readonly #people = new Map<string, Person>()
  readonly #items = new Map<string, number>()
  readonly #forgotten = new Set<string>()
  readonly #eventsCreate: boolean

  constructor(accepted: readonly Step[], played: Played, { projectType, unsure }: Script) {
    this.#played = played
    this.#eventsCreate = projectType !== 'email' && unsure.trackBulkCreates === true
    for (const step of accepted) this.#apply(step)
  }

  #apply({ mark, action, about }: Step): void {
    switch (action.kind) {
      case 'profile':
        merge(this.#person(about).fields, action.dataFields ?? {})
        break
      case 'event':
        if (this.#eventsCreate) this.#person(about)
        break
      case 'cart':
        this.#person(about).fields.shoppingCartItems = action.items as unknown as Json
        break
      case 'purchase': {
        const { fields } = this.#person(about)
        if (fields.shoppingCartItems !== undefined) fields.shoppingCartItems = []
        break
      }
      case 'subscription':
        this.#person(about).fields.unsubscribedChannelIds = [mark]
        break
      case 'membership':
        if (action.member) this.#person(about).lists.add(String(action.list))
        else this.#people.get(about)?.lists.delete(String(action.list))
        break
      case 'catalogItem':
        if (action.remove === true) this.#items.delete(action.item)
        else this.#items.set(action.item, mark)
        break
      case 'addressChange': {
        const moved = this.#people.get(action.from)
        this.#people.delete(action.from)
        if (moved !== undefined) this.#people.set(action.to, moved)
        break
      }
      case 'forget':
        this.#forgotten.add(about)
        this.#people.delete(about)
        break
      case 'delete':
        this.#people.delete(about)
        break
    }
  }

  #person(about: string): Person {
    const known = this.#people.get(about) ?? { fields: {}, lists: new Set<string>() }
    this.#people.set(about, known)
    return known
  }

  differences(unseen: ReadonlySet<string>): string[] {
    const { ledger } = this.#played.fake
    for (const address of this.#forgotten) this.#people.delete(address)
    const addresses = new Set([...this.#people.keys(), ...ledger.people.keys()])
    const found = [...addresses].flatMap((address) => {
      if (unseen.has(address)) return []
      const wanted = shown(this.#people.get(address))
      const user = ledger.user(address)
      const lists = new Set(['vip', 'news', 'fresh'].filter((name) => ledger.members(name).includes(address)))
      const held = shown(user && { fields: user.dataFields as Record<string, Json>, lists })
      return wanted === held ? [] : [`${address} should be ${wanted} and is ${held}`]
    })
    const items = [...(ledger.catalogs.get('shoes')?.items ?? [])].map(([id, { value }]) => [id, value.mark] as const)
    const seen = (all: Iterable<readonly [string, unknown]>) =>
      JSON.stringify([...all].filter(([id]) => !unseen.has(`shoes/${id}`)).sort())
    const [wanted, held] = [seen(this.#items), seen(items)]
    return wanted === held ? found : [...found, `items should be ${wanted} and are ${held}`]
  }
}

function merge(stored: Record<string, Json>, incoming: JsonObject): void {
  for (const [name, value] of Object.entries(incoming)) {
    if (value === null) delete stored[name]
    else if (typeof value !== 'object' || Array.isArray(value)) stored[name] = value
    else {
      const inside = { ...(stored[name] as JsonObject | undefined) }
      stored[name] = inside
      merge(inside, value as JsonObject)
    }
  }
}

const shown = (person: Person | undefined): string =>
  person === undefined
    ? 'nobody'
    : JSON.stringify(
        [Object.entries(person.fields).sort(([a], [b]) => (a < b ? -1 : 1)), [...person.lists].sort()],
        sorted,
      )

/** Objects by name, so that the order in which fields came counts for nothing. */
const sorted = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value
