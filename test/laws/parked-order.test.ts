import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Row } from '../../src/model/row.js'
import type { JsonObject } from '../../src/model/value.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { plainTransform } from '../sync/plain-transform.js'
import { World } from '../sync/world.js'
import { type Standing, saying, stand, WAYS, type Way } from './words.js'

const numRuns = Number(process.env.LAW_RUNS ?? 200)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }

/** A row always writes the same fields, and belongs to one customer; now and then it shows the customer's address. */
const ROWS = [
  { row: 'r0', customer: 'c0', fields: ['a'] },
  { row: 'r1', customer: 'c0', fields: ['a', 'b'] },
  { row: 'r2', customer: 'c0', fields: ['b'] },
  { row: 'r3', customer: 'c1', fields: ['a', 'b'] },
  { row: 'r4', customer: 'c1', fields: ['a'] },
] as const
const line = fc.record({
  of: fc.constantFrom(...ROWS),
  shown: fc.boolean(),
})
/** Runs of a few rows; in each, a row comes once. */
const history = fc.array(
  fc.record({
    lines: fc.uniqueArray(line, { selector: ({ of }) => of.row, maxLength: 4 }),
    pageSize: fc.integer({ min: 1, max: 3 }),
    /** Somebody tells the address of a customer before the run. */
    told: fc.option(fc.constantFrom('c0', 'c1'), { freq: 4 }),
  }),
  { minLength: 1, maxLength: 6 },
)

const ways = fc.constantFrom(...WAYS.filter((way) => !way.endsWith('tem'))) // who an item is about needs no address
const transform = (way: Way) =>
  plainTransform(({ row: _row, customer, email, ...data }) => {
    const identifiers = { customer_id: String(customer), ...(typeof email === 'string' ? { email } : {}) }
    return [saying(way, { person: String(customer), identifiers, data: data as JsonObject })]
  })

test('whatever was parked and whenever its address was learned, each part of each kind is what the last row said [I6]', async () => {
  await fc.assert(
    fc.asyncProperty(ways, history, async (way, runs) => {
      const world = new World()
      const run = async (rows: readonly Row[], pageSize: number) => {
        const source = new RowsSource({ name: 'rows', rows, key: ['row'] })
        const report = await world.sync([], { source, transform: transform(way), pageSize }).run()
        expect(report.status).toBe('complete')
      }
      const tell = (customer: string) =>
        world.identity.observe([
          {
            source: 'crm',
            key: customer,
            observedAt: null,
            ids: [
              { namespace: 'customer_id', value: customer },
              { namespace: 'email', value: `${customer}@example.com` },
            ],
          },
        ])
      const last: Standing = {}
      let value = 0
      for (const { lines, pageSize, told } of runs) {
        if (told !== null) await tell(told)
        await run(
          lines.map(({ of: { row, customer, fields }, shown }) => {
            value += 1 // never the same twice: a row that says the same again is no write
            const data = Object.fromEntries(fields.map((field) => [field, value]))
            stand(last, `${customer}@example.com`, saying(way, { person: customer, identifiers: {}, data }), false)
            return { row, customer, ...(shown ? { email: `${customer}@example.com` } : {}), ...data }
          }),
          pageSize,
        )
      }
      for (const customer of ['c0', 'c1']) await tell(customer)
      await run([], 1)
      const held: Standing = {}
      for (const { address, action } of world.destination.applied) stand(held, address, action, false)
      expect(held).toEqual(last)
      expect(await world.store.scan('parked', { prefix: ['test'], limit: 10 })).toEqual([])
    }),
    { numRuns, ...seed },
  )
}, 120_000)
