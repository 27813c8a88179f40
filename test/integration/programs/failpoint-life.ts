import type { Action } from '../../../src/model/action.js'
import type { Row } from '../../../src/model/row.js'
import { RowsSource } from '../../../src/sources/from-rows.js'
import { type Store, TABLES } from '../../../src/stores/store.js'
import type { SyncOptions } from '../../../src/sync/options.js'
import { Sync } from '../../../src/sync/sync.js'
import { plainTransform } from '../../sync/plain-transform.js'
import { lives } from './customers.js'

/** What a life is made with, and whether catalogs and lists are made where they are missing. */
export type Made = (makes: {
  readonly catalogs: boolean
  readonly lists: boolean
}) => Pick<SyncOptions, 'store' | 'identity' | 'lists' | 'destination'>

const byId = new Map(lives().map((one) => [one.id, one]))

/** All that a customer asks for; before they are mended some rows cannot be read, are refused, or have no address. */
const transformOf = (isMended: boolean) =>
  plainTransform((row: Row): readonly Action[] => {
    const one = byId.get(String(row.id))
    if (one === undefined) return []
    const { id, score, buys, fate } = one
    if (fate === 'thrown' && !isMended) throw new Error('no')
    const email = fate === 'edited' ? `${id}@example.invalid` : one.email
    const identifiers = { customer_id: id, ...(fate === 'waiting' ? {} : { email }) }
    return [
      { kind: 'profile', identifiers, dataFields: { score } },
      { kind: 'event', identifiers, eventName: 'seen', id: `e-${id}` },
      ...(buys ? [{ kind: 'purchase', identifiers, id: `p-${id}`, total: 9, items: [] } as const] : []),
      ...(fate === 'shoeless'
        ? [{ kind: 'catalogItem', identifiers: {}, catalog: 'shoes', item: id, dataFields: { score } } as const]
        : []),
      ...(fate === 'listless' ? [{ kind: 'membership', identifiers, list: 'vip', member: true } as const] : []),
    ]
  })

/**
 * A life from its beginning, whatever of it was lived before: pushes, a run and a drain that leave much behind, replays, an
 * erasure, and a run that has the destination forget. Gives what is left of it.
 */
export async function live(made: Made, store: Store, paced: Partial<SyncOptions>) {
  const all = lives()
  const shown = (...fates: readonly string[]): Row[] =>
    all.filter(({ fate }) => fates.includes(fate)).map(({ id, email }) => ({ id, email }))
  // Whom a list that was not there has refused stays off it, also once it is there: from the first claim on it is made.
  const isMade = (await store.scan('claim', { prefix: [], limit: 1 })).length > 0
  const sync = (rows: readonly Row[], isMended: boolean): Sync =>
    new Sync({
      ...made({ catalogs: isMended, lists: isMended || isMade }),
      ...paced,
      name: 'life',
      source: new RowsSource({ name: 'rows', rows, key: ['id'], complete: false }),
      transform: transformOf(isMended),
      rejectedShareMax: 1,
    })
  const first = sync(shown('leaving'), false)
  // Kept once, and no source shows them again: what is lost of them is lost.
  await first.push(shown('pushed', 'thrown', 'shoeless', 'listless', 'edited', 'waiting'), { id: 'first' })
  const reports = [await first.run({ whenHeld: 'wait' })]
  await first.push(shown('leaving', 'pushed'), { id: 'second' })
  reports.push(await first.drain())
  const ids = all.map(({ id, email }) => [
    { namespace: 'customer_id', value: id },
    { namespace: 'email', value: email },
  ])
  const waiting = all.flatMap(({ fate }, at) => (fate === 'waiting' ? [ids[at] as (typeof ids)[number]] : []))
  for (const bag of waiting)
    await first.parts.identity.observe([{ source: 'crm', key: String(bag[0]?.value), observedAt: null, ids: bag }])
  const mended = sync([], true)
  for await (const { id, action } of mended.deadLetters()) {
    const named = String(action?.identifiers.customer_id ?? '')
    const email = byId.get(named)?.email
    if (action === undefined || email === undefined || !String(action.identifiers.email).endsWith('.invalid')) continue
    await mended.editDeadLetter(id, { action: { ...action, identifiers: { customer_id: named, email } } })
  }
  reports.push(await mended.replay({ deadLetters: 'all' }))
  reports.push(await mended.run())
  // Of another sync of the project, which has never run.
  const other = new Sync({
    ...made({ catalogs: true, lists: true }),
    ...paced,
    name: 'other',
    source: first.parts.source,
    transform: transformOf(true),
  })
  await other.push(shown('leaving'), { id: 'other' })
  const leaving = all.filter(({ fate }) => fate === 'leaving')
  // Once it is written down, runs alone have to bring it to its end: of the other sync its own.
  const isBegun = (await store.scan('departed', { prefix: [], limit: 1 })).length > 0
  if (!isBegun) await mended.erase(leaving.map(({ email }) => ({ email })))
  reports.push(await other.drain(), await mended.run())
  const left: Record<string, number> = {}
  let traces = 0
  for (const table of TABLES) {
    const entries = await store.scan(table, { prefix: [], limit: 10_000 })
    left[table] = entries.length
    traces += entries.filter((entry) => /leaving-?\d/.test(JSON.stringify(entry))).length
  }
  return { reports, left, traces }
}
