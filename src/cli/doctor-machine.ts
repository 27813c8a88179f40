import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Sync } from '../index.js'
import type { Manifest } from './command.js'
import type { Config } from './config.js'
import { type Finding, fine, unsure, wrong } from './doctor.js'
import { satisfies } from './version-range.js'

const MACHINE = 'this machine'

/** This Node, against the one that the package asks for. */
export function nodeFinding({ engines }: Manifest, version = process.versions.node): Finding {
  const what = `Node ${version}`
  if (satisfies(version, engines.node)) return { of: MACHINE, what, ...fine }
  return { of: MACHINE, what, ...wrong(`lakeloop wants ${engines.node}`, 'Install a newer Node: https://nodejs.org') }
}

/** Which parts need which package; by the name of the class, since the parts are loaded by the config alone. */
const NEEDED_BY: Readonly<Record<string, string>> = {
  DatabricksSource: '@databricks/sql',
  DuckDbSource: '@duckdb/node-api',
  PostgresStore: 'pg',
}

/** The packages that lakeloop does not bring along: those that are needed, and those that are here, against their ranges. */
export async function peerFindings(config: Config, { peerDependencies }: Manifest): Promise<readonly Finding[]> {
  const needed = new Map<string, string>()
  for (const { parts } of config.syncs.values()) {
    for (const part of partsOf(parts)) {
      const name = (part as object).constructor?.name ?? ''
      const peer = NEEDED_BY[name]
      if (peer !== undefined) needed.set(peer, name)
    }
  }
  const findings: Finding[] = []
  for (const [peer, range] of Object.entries(peerDependencies)) {
    const version = await installed(peer, dirname(config.file))
    const by = needed.get(peer)
    if (version === undefined && by === undefined) continue
    findings.push({ of: MACHINE, ...peerFinding({ peer, range, version, by }) })
  }
  return findings
}

const partsOf = ({ source, store, identity, lists }: Sync['parts']): readonly unknown[] => [
  source,
  store,
  identity.store,
  lists.store,
]

interface Peer {
  readonly peer: string
  readonly range: string
  readonly version: string | undefined
  readonly by: string | undefined
}

function peerFinding({ peer, range, version, by }: Peer): Omit<Finding, 'of'> {
  const what = `package ${peer}${version === undefined ? '' : ` ${version}`}`
  if (version === undefined) return { what, ...wrong(`${by} needs it, and it is not installed`, `npm install ${peer}`) }
  if (satisfies(version, range)) return { what, ...fine }
  const told = by === undefined ? unsure : wrong
  return { what, ...told(`lakeloop works with ${range}`, `npm install '${peer}@${range}'`) }
}

/** As Node finds it from a folder: the package's own manifest, since many do not export it. */
async function installed(name: string, folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const text = await readFile(join(at, 'node_modules', name, 'package.json'), 'utf8').catch(() => undefined)
    if (text !== undefined) return (JSON.parse(text) as { readonly version: string }).version
    if (dirname(at) === at) return undefined
  }
}
