/** One variant of bodies.ts, in a process of its own: prints what it measured as one line of JSON. */
import { BulkUpdateUsersParamsSchema, IterableClient, TrackBulkEventsParamsSchema } from '@iterable/api'
import { IterableDestination } from '../../src/destinations/iterable/iterable-destination.js'
import type { Action, ActionBlock } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import { median } from './median.js'

export type BodiesVariant =
  | '@iterable/api'
  | 'ours, from objects'
  | 'ours, from blocks'
  | 'ours, from blocks, whole doubles'

/** Medians over the repetitions of one process. */
export interface BodiesMeasured {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly bytes: number
}

/** As many as a page of a sync has, and as a bulk request holds. */
const BLOCK = 2_000
const REQUEST = 1_000
const REPETITIONS = 9
const WARM_UP = 3

const FIELDS = {
  account_tier: 'string',
  churn_risk_score: 'double',
  last_active_date: 'date',
  orders: 'long',
}

const { variant, rows } = JSON.parse(process.argv[2] as string) as { variant: BodiesVariant; rows: number }

const TIERS = ['enterprise', 'growth', 'starter']
const hashOf = (n: number): number => Math.imul(n + 1, 2_654_435_761) >>> 0
const emailOf = (n: number): string => `customer.${n}.${hashOf(n).toString(36)}@example.com`

const whole = variant === 'ours, from blocks, whole doubles'

const fieldsOf = (n: number) => ({
  account_tier: TIERS[hashOf(n) % 3] as string,
  churn_risk_score: whole ? hashOf(n) % 2 : ((hashOf(n) % 999_983) + 0.5) / 1_000_000,
  last_active_date: `2026-${String((hashOf(n) % 12) + 1).padStart(2, '0')}-${String((hashOf(n) % 28) + 1).padStart(2, '0')}`,
  orders: hashOf(n) % 1_000,
})

const propertiesOf = (n: number) => ({
  plan: TIERS[hashOf(n) % 3] as string,
  seats: hashOf(n) % 50,
  source: `autumn-${hashOf(n) % 13}-win-back`,
})

const createdAt = (n: number): number => 1_760_000_000 + n

/** New objects each time, profiles and events in turn: what comes out of a transform, or of a caller. */
function actionsOf(from: number, to: number): Action[] {
  const actions: Action[] = []
  for (let n = from; n < to; n++) {
    const identifiers = { email: emailOf(n) }
    actions.push(
      n % 2 === 0
        ? { kind: 'profile', identifiers, dataFields: fieldsOf(n) }
        : { kind: 'event', identifiers, eventName: 'plan_seen', createdAt: createdAt(n), dataFields: propertiesOf(n) },
    )
  }
  return actions
}

function blocksOf(): readonly ActionBlock[] {
  const blocks: ActionBlock[] = []
  for (let from = 0; from < rows; from += BLOCK) blocks.push(blockOf(actionsOf(from, from + BLOCK), from))
  return blocks
}

const blockOf = (actions: readonly Action[], from: number): ActionBlock =>
  actionBlock(
    actions,
    actions.map((_, at) => ({ key: `k-${from + at}` })),
  )

async function delivery() {
  const project = 'bench'
  const fetch = async (input: string | URL | Request): Promise<Response> =>
    Response.json((input as Request).url.endsWith('getFields') ? { fields: FIELDS } : { lists: [] })
  const key = 'bench'
  const made = new IterableDestination({ project, apiKey: key, dataCenter: 'us', projectType: 'email', fetch })
  return await made.open(new AbortController().signal)
}

/** Gets its input ready, and gives the work to be timed: it answers with the bytes of its bodies. */
type Way = () => Promise<() => number | Promise<number>>

async function ours(input: () => readonly (() => ActionBlock)[]): Promise<() => Promise<number>> {
  const { prepare } = await delivery().then((opened) => ({ prepare: opened.prepare.bind(opened) }))
  const blocks = input()
  return async () => {
    let bytes = 0
    for (const block of blocks) {
      const { requests, refused } = await prepare(block())
      if (refused.length > 0) throw new Error(`refused ${JSON.stringify(refused[0])}`)
      for (const { body } of requests) bytes += body.length
    }
    return bytes
  }
}

const fromBlocks: Way = () => ours(() => blocksOf().map((block) => () => block))

const WAYS: Readonly<Record<BodiesVariant, Way>> = {
  async '@iterable/api'() {
    const client = new IterableClient({ apiKey: 'bench', baseUrl: 'https://api.iterable.com', timeout: 1_000 } as never)
    let bytes = 0
    client.client.defaults.adapter = async (config) => {
      bytes += Buffer.from(config.data as string, 'utf8').length // what its http adapter does with text
      const data = { successCount: 1, failCount: 0 }
      return { data, status: 200, statusText: 'OK', headers: {}, config }
    }
    const users: object[] = []
    const events: object[] = []
    for (let n = 0; n < rows; n++) {
      const email = emailOf(n)
      if (n % 2 === 0) users.push({ email, dataFields: fieldsOf(n) })
      else events.push({ email, eventName: 'plan_seen', createdAt: createdAt(n), dataFields: propertiesOf(n) })
    }
    return async () => {
      for (let from = 0; from < users.length; from += REQUEST) {
        const some = { users: users.slice(from, from + REQUEST) }
        await client.bulkUpdateUsers(BulkUpdateUsersParamsSchema.parse(some))
      }
      for (let from = 0; from < events.length; from += REQUEST) {
        const some = { events: events.slice(from, from + REQUEST) }
        await client.trackBulkEvents(TrackBulkEventsParamsSchema.parse(some))
      }
      return bytes
    }
  },
  'ours, from objects': () =>
    ours(() => {
      const groups: (() => ActionBlock)[] = []
      for (let from = 0; from < rows; from += BLOCK) {
        const actions = actionsOf(from, from + BLOCK)
        groups.push(() => blockOf(actions, from))
      }
      return groups
    }),
  'ours, from blocks': fromBlocks,
  'ours, from blocks, whole doubles': fromBlocks,
}

const times: number[] = []
const cpus: number[] = []
let bytes = 0
for (let at = -WARM_UP; at < REPETITIONS; at++) {
  const work = await WAYS[variant]()
  globalThis.gc?.()
  const cpu = process.cpuUsage()
  const began = performance.now()
  bytes = await work()
  const seconds = (performance.now() - began) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  if (at < 0) continue
  times.push(rows / seconds)
  cpus.push((user + system) / rows)
}
const measured: BodiesMeasured = { perSecond: median(times), cpuMicros: median(cpus), bytes: bytes / rows }
process.stdout.write(`${JSON.stringify(measured)}\n`)
