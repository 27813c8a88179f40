import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { plainTransform } from '../sync/plain-transform.js'
import { World } from '../sync/world.js'

const numRuns = Number(process.env.LAW_RUNS ?? 150)
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

const transform = () =>
  plainTransform(({ row: _row, customer, email, ...fields }) => [
    {
      kind: 'profile',
      identifiers: { customer_id: String(customer), ...(typeof email === 'string' ? { email } : {}) },
      dataFields: fields,
    },
  ])

test('whatever was parked and whenever its address was learned, each field holds what the last row said [I6]', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (runs) => {
      const world = new World()
      const run = async (rows: readonly Row[], pageSize: number) => {
        const source = new RowsSource({ name: 'rows', rows, key: ['row'] })
        const report = await world.sync([], { source, transform: transform(), pageSize }).run()
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
      const last: Record<string, Record<string, number>> = {}
      let value = 0
      for (const { lines, pageSize, told } of runs) {
        if (told !== null) await tell(told)
        await run(
          lines.map(({ of: { row, customer, fields }, shown }) => {
            value += 1 // never the same twice: a row that says the same again is no write
            const data = Object.fromEntries(fields.map((field) => [field, value]))
            last[`${customer}@example.com`] = { ...last[`${customer}@example.com`], ...data }
            return { row, customer, ...(shown ? { email: `${customer}@example.com` } : {}), ...data }
          }),
          pageSize,
        )
      }
      for (const customer of ['c0', 'c1']) await tell(customer)
      await run([], 1)
      const held: Record<string, object> = {}
      for (const { address, action } of world.destination.applied) {
        if (action.kind === 'profile') held[address] = { ...held[address], ...action.dataFields }
      }
      expect(held).toEqual(last)
      expect(await world.store.scan('parked', { prefix: ['test'], limit: 10 })).toEqual([])
    }),
    { numRuns, ...seed },
  )
})
