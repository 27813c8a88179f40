/**
 * Decoding of Arrow record batches: ours against the driver's own row path, on the 5- and 50-column rows of
 * reference/databricks.md 3c. Ratios of one run: `npx tsx test/bench/decode.ts`.
 */
import { createRequire } from 'node:module'
import { arrowReader } from '../../src/sources/databricks/arrow/arrow-reader.js'
import { type Fixture, fixtures } from './decode-fixtures.js'
import { median } from './median.js'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7)
const ROWS = Number(process.env.BENCH_ROWS ?? 200_000)

interface DriverConverter {
  hasMore(): Promise<boolean>
  fetchNext(options: { limit: number }): Promise<readonly object[]>
}
type ConverterClass = new (
  context: object,
  source: object,
  metadata: object,
  options: { preserveBigNumericPrecision: boolean },
) => DriverConverter

const load = createRequire(import.meta.url)
const { default: ArrowResultConverter } = load('@databricks/sql/dist/result/ArrowResultConverter') as {
  default: ConverterClass
}

/** The driver's rows, page by page, exact as far as it can: what a source on top of it would set. */
async function* driverRows({ schema, pages, thrift }: Fixture): AsyncGenerator<readonly object[]> {
  const left = [...pages]
  const source = {
    hasMore: async () => left.length > 0,
    fetchNext: async () => {
      const page = left.shift()
      return page === undefined ? { batches: [], rowCount: 0 } : { batches: [schema, page.bytes], rowCount: page.rows }
    },
  }
  const converter = new ArrowResultConverter({}, source, { schema: thrift }, { preserveBigNumericPrecision: true })
  while (await converter.hasMore()) yield await converter.fetchNext({ limit: 10_000 })
}

/** Their bigints have to become something before they are JSON. */
const replacer = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value)

/** Each gives a number that depends on all it made, so that nothing can be left out. */
const WAYS: Readonly<Record<string, (fixture: Fixture) => Promise<number>>> = {
  async 'driver rows'(fixture) {
    let count = 0
    for await (const rows of driverRows(fixture)) count += rows.length
    return count
  },
  async 'our rows, at()'(fixture) {
    const reader = await arrowReader(fixture.schema, { source: 'bench', floats: 'omit' })
    let count = 0
    for (const { bytes, rows } of fixture.pages) {
      const block = reader.block([bytes], rows)
      for (let at = 0; at < block.length; at++) if (block.at(at) !== undefined) count += 1
    }
    return count
  },
  async 'driver rows, then JSON'(fixture) {
    let length = 0
    for await (const rows of driverRows(fixture)) length += Buffer.from(JSON.stringify(rows, replacer)).length
    return length
  },
  async 'our json()'(fixture) {
    const reader = await arrowReader(fixture.schema, { source: 'bench', floats: 'omit' })
    let length = 0
    for (const { bytes, rows } of fixture.pages) length += reader.block([bytes], rows).json(0, rows).length
    return length
  },
}

for (const fixture of fixtures(ROWS)) {
  const times = new Map<string, number[]>(Object.keys(WAYS).map((name) => [name, []]))
  for (let round = -1; round < ROUNDS; round++) {
    const order = Object.entries(WAYS)
    for (const [name, way] of round % 2 === 0 ? order : order.reverse()) {
      const began = performance.now()
      await way(fixture)
      if (round >= 0) times.get(name)?.push((performance.now() - began) / 1_000) // the first round warms up
    }
  }
  const rows = fixture.pages.reduce((sum, page) => sum + page.rows, 0)
  const rate = (name: string): number => rows / median(times.get(name) as number[])
  console.log(
    `\n${fixture.name}: ${rows} rows in pages of ${fixture.pages[0]?.rows}, median of ${ROUNDS}, Node ${process.version}`,
  )
  for (const name of times.keys()) console.log(`${name.padEnd(24)} ${rate(name).toFixed(0).padStart(9)} rows/s`)
  console.log(`rows: at() ${(rate('our rows, at()') / rate('driver rows')).toFixed(1)}x the driver's`)
  console.log(
    `JSON: json() ${(rate('our json()') / rate('driver rows, then JSON')).toFixed(1)}x the driver's rows and JSON.stringify`,
  )
}
