import { type IterableCheck, isLakeloopError, type PreflightCheck, type Store, type Sync } from '../index.js'
import { type Finding, fine, unsure, wrong } from './doctor.js'

type Checks = readonly (IterableCheck | PreflightCheck)[]

/** What a part of the host's may have, and ours do. */
interface Checked {
  preflight?(options: { readonly signal: AbortSignal }): Promise<Checks | { readonly checks: Checks }>
}

/** What the parts of a sync need, in the order in which a run meets them. One that fails does not keep the others from being looked at. */
export async function* syncFindings(sync: Sync, signal: AbortSignal): AsyncGenerator<Finding> {
  const { source, transform, identity, lists, destination, store } = sync.parts
  const of = sync.name
  const stores = new Map([
    [store, 'store'],
    [identity.store, 'store of identity'],
    [lists.store, 'store of lists'],
  ])
  if (stores.get(store) !== 'store') stores.set(store, 'store')
  for (const [one, name] of stores) yield { of, ...(await storeFinding(one, one === store ? 'store' : name, sync)) }
  yield { of, ...(await tried('rules of identity are those of the graph', () => identity.conflictCount())) }
  yield { of, ...(await tried(`transform ${transform.name}`, () => transform.prepare())) }
  for (const found of await checksOf(source, signal, 'source', () => source.describe(signal))) yield { of, ...found }
  const opened = async (): Promise<void> => void (await (await destination.open(signal)).close())
  for (const found of await checksOf(destination, signal, 'destination', opened)) yield { of, ...found }
}

/** Writes something and takes it away again in the same commit, which leaves nothing and needs all that a commit needs. */
async function storeFinding(store: Store, name: string, sync: Sync): Promise<Omit<Finding, 'of'>> {
  const what = `${name}: ${store.constructor.name}`
  const key = [sync.parts.destination.project, sync.name, 'doctor']
  const found = await tried(what, async () => {
    await store.get('lease', [key])
    await store.commit([
      { op: 'put', table: 'lease', key, value: 0 },
      { op: 'delete', table: 'lease', key },
    ])
  })
  if (found.status !== 'fine' || store.supports.durable) return found
  const fix = 'Use a SqliteStore or a PostgresStore.'
  return { what, ...unsure('it ends with the process: every run begins from nothing', fix) }
}

async function tried(what: string, work: () => Promise<unknown>): Promise<Omit<Finding, 'of'>> {
  try {
    await work()
    return { what, ...fine }
  } catch (error) {
    if (!isLakeloopError(error) || error.code === 'ABORTED') throw error
    return { what, ...wrong(error.message) } // what to do stands in the message
  }
}

async function checksOf(
  part: Checked & { readonly name: string },
  signal: AbortSignal,
  kind: string,
  plainly: () => Promise<unknown>,
): Promise<readonly Omit<Finding, 'of'>[]> {
  const named = `${kind} ${part.name}`
  if (part.preflight === undefined) return [await tried(named, plainly)]
  const told = await part.preflight({ signal })
  const checks = 'checks' in told ? told.checks : told
  return checks.map((check) => ({ what: `${named}: ${check.what}`, ...findingOf(check) }))
}

function findingOf(check: IterableCheck | PreflightCheck): Omit<Finding, 'of' | 'what'> {
  const fix = 'statements' in check ? check.statements : check.fix === undefined ? [] : [check.fix]
  if (check.status === 'works' && check.problem === undefined) return fine
  return (check.status === 'missing' ? wrong : unsure)(check.problem ?? 'it is missing', ...fix)
}
