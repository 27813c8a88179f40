import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { buildChild } from '../scripts/build-child.js'
import { buildPackages } from '../scripts/build-packages.js'
import { chromium } from './integration/chromium.js'
import { notSetUp } from './lakehouse/engine.js'

await buildChild()
await buildPackages()

const root = fileURLToPath(new URL('..', import.meta.url))

/** Tests and examples import the package by its name and get the source: no build needed. The same table stands in tsconfig "paths". */
const alias = [
  { find: /^lakeloop$/, replacement: `${root}src/index.ts` },
  { find: /^lakeloop\/(collect|telemetry|testing)$/, replacement: `${root}src/$1/index.ts` },
  { find: /^lakeloop\/(.+)$/, replacement: `${root}src/$1.ts` },
]

/** Elsewhere than where `npm run lakehouse:setup` has run, this suite is left out, and says so; LAKEHOUSE_REQUIRED=1 refuses that. */
const noLakehouse = notSetUp()
if (noLakehouse !== undefined && process.env.LAKEHOUSE_REQUIRED === '1') throw new Error(`lakehouse: ${noLakehouse}`)
if (noLakehouse !== undefined && process.env.VITEST_WORKER_ID === undefined) {
  console.log(`SKIPPED: the suite test/lakehouse (real Spark and Delta): ${noLakehouse}`)
}

/** Likewise, where there is no browser. */
const inBrowser = chromium() === undefined ? ['test/integration/*-browser.test.ts'] : []
if (inBrowser.length > 0 && process.env.VITEST_WORKER_ID === undefined) {
  console.log(
    "SKIPPED: the fake's page and the report in a browser: no chromium on the path; install it, or set CHROMIUM",
  )
}

const lakehouse = {
  resolve: { alias },
  test: {
    name: 'lakehouse',
    root,
    include: noLakehouse === undefined ? ['test/lakehouse/**/*.test.ts'] : [],
    globalSetup: `${root}test/lakehouse/global-setup.ts`,
    testTimeout: 300_000,
    hookTimeout: 120_000,
    maxConcurrency: 2,
  },
}

/** Deadlines are measured here: file by file, and behind all other suites. */
const escapes = {
  resolve: { alias },
  test: {
    name: 'escapes',
    root,
    include: ['test/escapes/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    sequence: { groupOrder: 1 },
  },
}

/** `lakehouse`: see docs/lakehouse.md. `unit`: pure parts and contracts, in parallel. `integration`: child processes, servers, kills, examples; each in a folder and on ports of its own. */
export default defineConfig({
  root,
  test: {
    maxWorkers: Math.max(2, availableParallelism() - 1), // vitest alone would take one on two cores, and most tests wait
    reporters: ['default', `${root}test/closing-line.ts`],
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          root,
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/lakehouse/**', 'test/escapes/**'],
          testTimeout: 30_000,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'integration',
          root,
          include: ['test/integration/**/*.test.ts'],
          exclude: inBrowser,
          globalSetup: `${root}test/integration/postgres/global-setup.ts`,
          testTimeout: 60_000,
          maxConcurrency: 3,
        },
      },
      lakehouse,
      escapes,
    ],
  },
})
