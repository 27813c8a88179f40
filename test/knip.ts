import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The packages of the sandbox: no import names them, scripts/build-packages.ts bundles what the list says. */
const LIST = fileURLToPath(new URL('../src/transform/packages/list.json', import.meta.url))
const listed = (JSON.parse(readFileSync(LIST, 'utf8')) as { name: string }[]).map(({ name }) => name)

export default {
  entry: [
    'src/{index,cli/main,collect/index,identity/phones,sources/duckdb,stores/postgres,stores/sqlite,stores/sqlite/thread-entry,telemetry/index,testing/index,transform/child/{main,realm},delta/whole/thread-main}.ts',
    'examples/*.{ts,js}',
    'examples/config/*.ts',
    'scripts/*.{ts,mjs}',
    'scripts/package-shims/*.mjs',
    'test/**/*.test.ts',
    'test/bench/*.ts',
    'test/integration/programs/*.ts',
    'test/escapes/hosts/*.ts',
    'test/package/*.ts',
    'test/transform/packages/realm-entry.ts',
  ],
  project: ['src/**/*.ts', 'test/**/*.ts', 'scripts/**/*', 'examples/**/*.ts'],
  // Of the listed, two are imported as well; where libsql stands is looked for, and it is loaded from there.
  ignoreDependencies: [...listed.filter((name) => !['zod', 'libphonenumber-js'].includes(name)), 'libsql'],
  ignoreExportsUsedInFile: true,
}
