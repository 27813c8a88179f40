import { hash } from 'node:crypto'
import { actionBlock } from '../model/action-block.js'
import type { Key, Op, Store } from '../stores/store.js'
import type { Scope } from './checkpoint.js'
import type { RunContext } from './context.js'
import { Departures } from './departures.js'
import type { Settled } from './dispatch.js'
import { hit } from './failpoint.js'

/**
 * Addresses that an erasure has the destination forget, in table `erasing`: they are sent by the next runs of the sync that
 * erased, as they are, since nobody knows by then whose they were. An entry goes once the destination has answered for it.
 */
export const QUEUE = '#forget'

const digestOf = (address: string): string => hash('sha256', address)

const queueKey = ({ project, sync }: Scope, address: string): Key => [project, QUEUE, sync, digestOf(address)]

const PAGE = 1_000

/**
 * The ops that suppress addresses in all syncs of the project from now on, and queue them for the destination. Those that
 * were forgotten or queued before stay as they are.
 */
export async function suppressOps(
  store: Store,
  scope: Scope,
  { addresses, at }: { readonly addresses: Iterable<string>; readonly at: string },
): Promise<readonly Op[]> {
  const departures = await Departures.of(store, scope.project)
  const all = [...addresses]
  const left = await departures.among(all)
  const fresh = all.filter((address) => left.get(address)?.forever !== true)
  const departed = await departures.left(
    fresh.map((address) => ({ address, kind: 'forget' })),
    at,
  )
  return [
    ...departed,
    ...fresh.map(
      (address): Op => ({ op: 'put', table: 'erasing', key: queueKey(scope, address), value: { address, at } }),
    ),
  ]
}

/** How many of some addresses wait to be forgotten at the destination, and how many in all. */
export async function queued(
  store: Store,
  project: string,
  addresses: Iterable<string>,
): Promise<{ readonly theirs: number; readonly all: number }> {
  const digests = new Set([...addresses].map(digestOf))
  const found = { theirs: 0, all: 0 }
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('erasing', { prefix: [project, QUEUE], after, limit: PAGE })
    found.all += page.length
    found.theirs += page.filter(({ key }) => digests.has(String(key.at(-1)))).length
    if (page.length < PAGE) return found
    after = page.at(-1)?.key
  }
}

/** Nobody is there to be forgotten, or was before. */
const NOBODY: readonly string[] = ['USER_FORGOTTEN', 'USER_UNKNOWN', 'EMAIL_INVALID', 'USER_ID_INVALID']

/**
 * Has the destination forget those who wait for it, as many as it takes now; the others wait on.
 *
 * Repeat  harmless: who is forgotten already is answered as such (I2). An entry goes with its answer (I1, I10).
 */
export async function sendForgets(context: RunContext): Promise<void> {
  const { store, scope, sender, commits, destination } = context
  const prefix = [scope.project, QUEUE, scope.sync]
  let waiting = 0
  const settle = async (keys: readonly Key[], { outcomes }: Settled): Promise<void> => {
    const main: Op[] = []
    for (const [at, outcome] of outcomes) {
      const isRefused = outcome.status === 'rejected' && !NOBODY.includes(outcome.reason.code)
      if (isRefused || outcome.status === 'parked') waiting += 1
      else main.push({ op: 'delete', table: 'erasing', key: keys[at] as Key })
    }
    FAILPOINT: hit('before-forget-settled')
    if (main.length > 0) await commits.commit({ main })
    FAILPOINT: hit('after-forget-settled')
  }
  for (let after: Key | undefined; waiting === 0; ) {
    const page = await store.scan('erasing', { prefix, after, limit: PAGE })
    if (page.length === 0) return
    const addresses = page.map(({ value }) => String((value as { readonly address: string }).address))
    const keys = page.map(({ key }) => key)
    const block = actionBlock(
      addresses.map((address) => ({ kind: 'forget', identifiers: { [destination.addressedBy]: address } })),
      addresses.map((address) => ({ address })),
    )
    await sender.send(block, { onSettled: (settled) => settle(keys, settled) })
    after = keys.at(-1)
  }
}
