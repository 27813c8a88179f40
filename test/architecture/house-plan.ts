/** The plan of the house as data: which parts there are, and what each may import. Enforced by plan.test.ts. */

/** What a part may import besides itself: a part (any file of it) or one file. */
type Allowed = readonly string[]

/** Nouns and errors: the ground floor. */
const BASE: Allowed = ['model', 'errors.ts']
/** Of a shelf only these can be seen from outside: the contract, and what works on any part of the shelf. */
const SOURCES: Allowed = ['sources/source.ts', 'sources/source-error.ts']
const DESTINATIONS: Allowed = ['destinations/destination.ts', 'destinations/suspects.ts']
const STORES: Allowed = ['stores/store.ts']
const MECHANISMS: Allowed = ['transform', 'identity', 'delta']
const BELOW_SHELVES: Allowed = ['vendors', 'transport']
/** The shelf parts that need no vendor's package, and so may stand in the main entry. */
const LIGHT_PARTS: Allowed = [
  'sources/databricks/catalog.ts',
  'sources/databricks/databricks-source.ts',
  'sources/from-rows.ts',
  'stores/memory.ts',
  'destinations/iterable/iterable-destination.ts',
]

/** A part that is not listed may not exist; an import that is not listed may not be made. Stages never see each other. */
export const MAY_IMPORT: Readonly<Record<string, Allowed>> = {
  model: [],
  'errors.ts': [],
  transport: BASE,
  vendors: [...BASE, 'transport'],
  stores: BASE,
  sources: [...BASE, ...STORES, ...BELOW_SHELVES],
  transform: [...BASE, ...STORES],
  identity: [...BASE, ...SOURCES, ...STORES],
  delta: [...BASE, ...STORES],
  history: [...BASE, ...STORES],
  destinations: [...BASE, ...STORES, ...BELOW_SHELVES],
  collect: [...BASE, ...SOURCES, 'sources/paging.ts', ...STORES, ...BELOW_SHELVES],
  sync: [
    ...BASE,
    ...SOURCES,
    ...DESTINATIONS,
    ...STORES,
    'stores/overlay.ts',
    'stores/sealed.ts',
    ...MECHANISMS,
    'history',
  ],
  telemetry: [...BASE, 'sync/events.ts'],
  testing: [...BASE, ...SOURCES, ...DESTINATIONS, ...STORES],
  'index.ts': [
    ...BASE,
    ...SOURCES,
    ...DESTINATIONS,
    ...STORES,
    'stores/sealed.ts',
    ...MECHANISMS,
    ...LIGHT_PARTS,
    'history',
    'sync',
  ],
  cli: [
    'index.ts',
    ...BASE,
    'testing',
    'collect',
    'transform/declared',
    'transform/packages',
    'sources/duckdb.ts',
    'stores/sqlite.ts',
    'stores/postgres.ts',
  ],
}

/** Closer fences inside a part, by path prefix: what stands there may import nothing else, not even of its own part. */
export const FENCES: Readonly<Record<string, Allowed>> = {
  // The fake must not agree with the destination by sharing its mistakes.
  'testing/fake-iterable': ['model', 'errors.ts', 'testing/fake-iterable'],
  // What runs behind the wall is bundled alone; both sides share the words on the wire and the types of `spark`, nothing else.
  'transform/child/': ['model', 'transform/child', 'transform/protocol.ts', 'transform/spark.ts'],
}

/** Where a package may be named, by path prefix. One that is not listed may not be used; '' is everywhere. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  zod: [''],
  ky: ['transport/'],
  undici: ['transport/'],
  'p-queue': ['sync/', 'vendors/'],
  eventemitter3: ['sync/'],
  ses: ['transform/child/'],
  acorn: ['transform/child/'],
  '@sveltejs/acorn-typescript': ['transform/child/typescript.ts'],
  '@databricks/sql': ['vendors/databricks/'],
  '@duckdb/node-api': ['sources/duckdb'],
  libsql: ['stores/sqlite'],
  pg: ['stores/postgres'],
  'libphonenumber-js': ['identity/phones.ts'],
  msw: ['testing/'],
  '@opentelemetry/api': ['telemetry/otel.ts', 'telemetry/spans.ts', 'telemetry/metrics.ts'],
  tsx: ['cli/config.ts'],
}

/** Barrels: exports only, and no other file may be one. */
export const FACES: readonly string[] = ['collect/index.ts', 'index.ts', 'telemetry/index.ts', 'testing/index.ts']

/** Data, and so free of the bound on a file's length. */
export const DATA_TABLES: readonly string[] = ['errors.ts']

export const FILE_LINES_MAX = 300
export const FUNCTION_LINES_MAX = 60

/** Names that say nothing about what is in a file or a folder. */
export const EMPTY_NAMES: readonly string[] = 'util utils helper helpers common shared misc types interfaces'.split(' ')
