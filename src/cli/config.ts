import { existsSync } from 'node:fs'
import { extname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isLakeloopError, LakeloopError } from '../errors.js'
import type { Sync } from '../index.js'
import { nearest } from '../model/nearest.js'
import { problemOf } from './failure.js'
import { UsageError } from './usage.js'

/** Looked for in this order. */
const NAMES = ['lakeloop.config.ts', 'lakeloop.config.js', 'lakeloop.config.mjs'] as const

/** The syncs of a project, as its own code made them. */
export interface Config {
  readonly file: string
  /** By the names of the syncs, in the order of the config; none is missing. */
  readonly syncs: ReadonlyMap<string, Sync>
}

/**
 * Loads the config: by its default export it gives an array of syncs, an object of them, or a function that gives one of these,
 * in a promise too.
 *
 * Throws  CONFIG_MISSING, CONFIG_TYPESCRIPT, CONFIG_FAILED, CONFIG_INVALID; what lakeloop itself threw in it as it is.
 */
export async function loadConfig(folder: string, named: string | undefined): Promise<Config> {
  const file = named === undefined ? found(folder) : resolve(folder, named)
  const shown = relative(folder, file) || file
  if (named !== undefined && !existsSync(file)) throw new LakeloopError('CONFIG_MISSING', { file: named })
  if (isTypeScript(file) && !readsTypeScript()) await readTypeScript(shown)
  let made: unknown
  try {
    const loaded = (await import(pathToFileURL(file).href)) as { readonly default?: unknown }
    const given = defaultOf(loaded)
    made = typeof given === 'function' ? await (given as () => unknown)() : await given
  } catch (error) {
    if (isLakeloopError(error)) throw error
    throw new LakeloopError('CONFIG_FAILED', { file: shown, problem: problemOf(error, file, shown) }, error)
  }
  return { file, syncs: syncsIn(made, shown) }
}

function found(folder: string): string {
  const file = NAMES.map((name) => join(folder, name)).find(existsSync)
  if (file === undefined) throw new LakeloopError('CONFIG_MISSING', { file: NAMES.join(', ') })
  return file
}

const isTypeScript = (file: string): boolean => /^\.[cm]?ts$/.test(extname(file))

/** From 22.18 and 23.6 on, unless it is switched off. */
const readsTypeScript = (): boolean => {
  const { typescript } = process.features as { readonly typescript?: false | 'strip' | 'transform' }
  return typeof typescript === 'string'
}

/**
 * Node reads TypeScript by itself from 22.18 on. Before, `tsx` does: it keeps modules modules, so that the config has the same
 * copy of lakeloop as this command, and it keeps nothing of the config on disk.
 */
async function readTypeScript(file: string): Promise<void> {
  const tsx = await import('tsx/esm/api').catch((error: unknown) => {
    throw new LakeloopError('CONFIG_TYPESCRIPT', { file, node: process.versions.node }, error)
  })
  tsx.register()
}

/** What a compiler made CommonJS of has its default export one deeper. */
function defaultOf({ default: given }: { readonly default?: unknown }): unknown {
  const isCompiled =
    typeof given === 'object' && given !== null && (given as { __esModule?: unknown }).__esModule === true
  return isCompiled ? (given as { default?: unknown }).default : given
}

function syncsIn(made: unknown, file: string): ReadonlyMap<string, Sync> {
  const invalid = (problem: string) => new LakeloopError('CONFIG_INVALID', { file, problem })
  if (typeof made !== 'object' || made === null) throw invalid('has no default export with syncs')
  const all: readonly unknown[] = isSync(made) ? [made] : Array.isArray(made) ? made : Object.values(made)
  if (all.length === 0) throw invalid('exports no sync')
  const syncs = new Map<string, Sync>()
  for (const [at, one] of all.entries()) {
    if (!isSync(one)) throw invalid(`exports something at place ${at + 1} that was not made by new Sync(...)`)
    if (syncs.has(one.name)) throw invalid(`exports two syncs of the name ${one.name}`)
    syncs.set(one.name, one)
  }
  return syncs
}

/** Not by its class: the config may have another copy of the package. */
function isSync(one: unknown): one is Sync {
  if (typeof one !== 'object' || one === null) return false
  const { name, run, plan, history } = one as Partial<Sync>
  return typeof name === 'string' && [run, plan, history].every((method) => typeof method === 'function')
}

/** Those that were named; where none was, all. Throws UsageError. */
export function chosen({ syncs }: Config, names: readonly string[]): readonly Sync[] {
  if (names.length === 0) return [...syncs.values()]
  return [...new Set(names)].map((name) => {
    const sync = syncs.get(name)
    if (sync !== undefined) return sync
    const close = nearest(name, syncs.keys())
    throw new UsageError(
      `there is no sync ${name}${close === undefined ? `; there is ${[...syncs.keys()].join(', ')}` : `: perhaps ${close}`}`,
    )
  })
}

/** The one that was named, or the only one. Throws UsageError. */
export function chosenOne(config: Config, name: string | undefined, how = '--sync NAME'): Sync {
  const [sync, ...others] = chosen(config, name === undefined ? [] : [name])
  if (sync !== undefined && others.length === 0) return sync
  throw new UsageError(`which sync is meant has to be said, by ${how}: ${[...config.syncs.keys()].join(', ')}`)
}

/** Closes what the config opened: it is over with it, and nobody else can know. What fails to close is passed by. */
export async function closeConfig({ syncs }: Config): Promise<void> {
  const parts = new Set<{ close(): Promise<void> }>()
  for (const { parts: own } of syncs.values()) {
    for (const part of [own.source, own.identity, own.destination]) parts.add(part)
  }
  const stores = new Set(
    [...syncs.values()].flatMap(({ parts: own }) => [own.store, own.identity.store, own.lists.store]),
  )
  await Promise.allSettled([...syncs.values()].map((sync) => sync.close()))
  await Promise.allSettled([...parts].map((part) => part.close()))
  await Promise.allSettled([...stores].map((store) => store.close()))
}
