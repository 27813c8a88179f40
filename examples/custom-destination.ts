// A connector of one's own: a CRM that lakeloop has never heard of, on the Destination contract. It passes the
// conformance suite, and then `deliver` retries, splits and orders for it, as for every other destination.
//
//     npx tsx examples/custom-destination.ts

import {
  type Action,
  type ActionBlock,
  type Delivery,
  type Destination,
  deliver,
  explain,
  LakeloopError,
  type Outcome,
  type Prepared,
  type PreparedRequest,
  type Refusal,
  type Split,
} from 'lakeloop'
import { destinationConformance } from 'lakeloop/testing'

/** The vendor's side: takes contacts as lines of JSON, at most `linesMax` at once, and answers one word a line. */
class Crm {
  readonly contacts = new Map<string, string>()
  readonly linesMax = 100

  async import(lines: readonly string[]): Promise<readonly ('ok' | 'blocked')[]> {
    if (lines.length > this.linesMax) throw new RangeError('too many lines')
    return lines.map((line) => {
      const { email } = JSON.parse(line) as { email: string }
      if (email.endsWith('@blocked.example')) return 'blocked'
      this.contacts.set(email, line)
      return 'ok'
    })
  }
}

// #region connector
/** Configuration: where, and how people are named there. What lives for one run is the delivery. */
class CrmDestination implements Destination {
  readonly name = 'crm'
  readonly project: string
  readonly addressedBy = 'email'
  readonly #crm: Crm

  constructor({ crm, project }: { readonly crm: Crm; readonly project: string }) {
    this.#crm = crm
    this.project = project
  }

  async open(): Promise<Delivery> {
    return new CrmDelivery(this.#crm)
  }

  async close(): Promise<void> {}
}

/** One line of the body per action, in order: so a line's answer is its action's outcome. */
class CrmDelivery implements Delivery {
  readonly #crm: Crm

  constructor(crm: Crm) {
    this.#crm = crm
  }

  /** Pure: cuts the actions into requests, and says which ones this CRM cannot take. */
  prepare(actions: ActionBlock): Prepared {
    const lines: Line[] = []
    const refused: Refusal[] = []
    for (let action = 0; action < actions.length; action += 1) {
      const kind = actions.kind(action)
      const email = actions.address(action) ?? actions.identifiers(action).email
      if (kind !== 'profile') refused.push({ action, reason: { code: 'ACTION_UNSUPPORTED', facts: { kind } } })
      else if (email === undefined) refused.push({ action, reason: { code: 'IDENTIFIER_MISSING', facts: {} } })
      else lines.push({ action, text: `{"email":${JSON.stringify(email)},"fields":${utf8(actions.payload(action))}}` })
    }
    const requests: PreparedRequest[] = []
    for (let at = 0; at < lines.length; at += this.#crm.linesMax) {
      requests.push(request(lines.slice(at, at + this.#crm.linesMax)))
    }
    return { requests, refused }
  }

  split(whole: PreparedRequest, by: Split): readonly PreparedRequest[] {
    const lines = linesOf(whole)
    if (lines.length < 2) return [whole]
    const half = lines.length >> 1
    const isFirst = ({ action }: Line, at: number) => (by.kind === 'halves' ? at < half : !by.actions.includes(action))
    const parts = [lines.filter(isFirst), lines.filter((line, at) => !isFirst(line, at))]
    return parts.filter((part) => part.length > 0).map(request)
  }

  /** Once. What is thrown says what the engine does with the whole request: here, ask again later. */
  async apply(sent: PreparedRequest): Promise<readonly Outcome[]> {
    const lines = linesOf(sent).map(({ text }) => text)
    const answers = await this.#crm.import(lines).catch((cause: unknown) => {
      throw new LakeloopError('DESTINATION_UNREACHABLE', { endpoint: sent.endpoint, problem: 'no answer' }, cause)
    })
    return answers.map((answer) =>
      answer === 'ok'
        ? { status: 'accepted' }
        : { status: 'rejected', reason: { code: 'ROW_REFUSED', facts: { problem: answer } } },
    )
  }

  async close() {
    return {}
  }
}

interface Line {
  readonly action: number
  readonly text: string
}

const request = (lines: readonly Line[]): PreparedRequest => ({
  endpoint: 'import',
  actions: lines.map(({ action }) => action),
  body: new TextEncoder().encode(lines.map(({ text }) => text).join('\n')),
})

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const linesOf = ({ actions, body }: PreparedRequest): readonly Line[] => {
  const texts = utf8(body).split('\n')
  return actions.map((action, at) => ({ action, text: texts[at] ?? '' }))
}
// #endregion

const person = (email: string, plan: string): Action => ({
  kind: 'profile',
  identifiers: { email },
  dataFields: { plan },
})

// #region conformance
for (const { name, run } of destinationConformance) {
  await run(async () => {
    const crm = new Crm()
    return {
      destination: new CrmDestination({ crm, project: 'test' }),
      action: (n) => person(`person-${n}@example.com`, 'free'),
      state: () => Object.fromEntries(crm.contacts),
    }
  }).catch((error: unknown) => {
    throw new Error(`the connector does not keep: ${name}`, { cause: error })
  })
}
console.log('the connector keeps every promise of the contract')
// => the connector keeps every promise of the contract
// #endregion

// #region deliver
const crm = new Crm()
const destination = new CrmDestination({ crm, project: 'shop' })
const actions: readonly Action[] = [
  person('ada@example.com', 'pro'),
  person('bob@blocked.example', 'free'),
  person('eve@example.com', 'free'),
  { kind: 'membership', identifiers: { email: 'eve@example.com' }, list: 'news', member: true },
]
const outcomes = await deliver(destination, actions, { signal: AbortSignal.timeout(10_000) })
await destination.close()

for (const outcome of outcomes) {
  console.log('reason' in outcome ? explain(outcome.reason.code, outcome.reason.facts) : outcome.status)
}
// => accepted
// => the destination refused the row: blocked. See the vendor code.
// => accepted
// => the destination takes no membership. Return another kind of action.
console.log([...crm.contacts.keys()])
// => [ 'ada@example.com', 'eve@example.com' ]
// #endregion
