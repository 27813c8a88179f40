import { defineConfig } from 'tsup'
import { buildChild } from './scripts/build-child.js'
import { buildPackages } from './scripts/build-packages.js'
import { ONLY_ESM } from './scripts/only-esm.js'

await buildChild()
await buildPackages()

/** Keys are the subpaths of "exports" in package.json, and the command of "bin". */
const entry = {
  index: 'src/index.ts',
  'cli/main': 'src/cli/main.ts',
  'collect/index': 'src/collect/index.ts',
  'identity/phones': 'src/identity/phones.ts',
  'sources/duckdb': 'src/sources/duckdb.ts',
  'stores/postgres': 'src/stores/postgres.ts',
  'stores/sqlite': 'src/stores/sqlite.ts',
  'telemetry/index': 'src/telemetry/index.ts',
  'testing/index': 'src/testing/index.ts',
}

/** `splitting` also for CJS: else each CJS entry has its own copy of process-wide state (the pacers). */
export default defineConfig({
  entry,
  format: ['esm', 'cjs'],
  dts: true,
  clean: true,
  splitting: true,
  target: 'node20',
  platform: 'node',
  sourcemap: false,
  treeshake: false,
  // Of zod a tenth is used; the rest is 70 ms of every import (docs/decisions/0002-zod-is-bundled.md).
  noExternal: ['zod', ...ONLY_ESM],
  esbuildOptions(options, { format }) {
    options.dropLabels = ['FAILPOINT'] // moments for tests to kill a run at: src/sync/failpoint.ts
    if (format === 'cjs') options.define = { ...options.define, 'import.meta.url': 'undefined' } // src/stores/sqlite/place.ts
    if (format === 'esm') options.external = [...(options.external ?? []), ...ONLY_ESM]
  },
})
