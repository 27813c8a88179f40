import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Outcome } from '../../src/model/outcome.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { Mortal } from '../identity/mortal.js'
import { plainTransform } from '../sync/plain-transform.js'
import { RecordingDestination } from '../sync/recording-destination.js'
import { World } from '../sync/world.js'

const numRuns = Number(process.env.LAW_RUNS ?? 150)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }

/** A row always writes the same fields, and belongs to one person. */
const ROWS = [
  { row: 'r0', person: 'p0', fields: ['a'] },
  { row: 'r1', person: 'p0', fields: ['a', 'b'] },
  { row: 'r2', person: 'p0', fields: ['b'] },
  { row: 'r3', person: 'p1', fields: ['a', 'b'] },
  { row: 'r4', person: 'p1', fields: ['a'] },
] as const
const line = fc.record({
  of: fc.constantFrom(...ROWS),
  /** What befalls it: nothing, the destination refuses it, the program does, or the source. */
  fate: fc.constantFrom('sent', 'sent', 'refused', 'thrown', 'nameless'),
})
/** Runs of a few rows, the same one perhaps twice; before each, some letters may be replayed, by a process that may die. */
const history = fc.array(
  fc.record({
    lines: fc.array(line, { maxLength: 5 }),
    pageSize: fc.integer({ min: 1, max: 3 }),
    replays: fc.constantFrom('none', 'none', 'refused again', 'all', 'r1'),
    diesAt: fc.option(fc.record({ at: fc.nat(9), after: fc.boolean() }), { freq: 2 }),
  }),
  { minLength: 1, maxLength: 5 },
)

const address = (person: string): string => `${person}@example.com`
let strict = true
const transform = plainTransform(({ row: _row, person, thrown, nameless, ...fields }) => {
  if (strict && thrown === true) throw new Error('no')
  const shown = nameless === true ? {} : { email: address(String(person)) }
  return [{ kind: 'profile', identifiers: { customer_id: String(person), ...shown }, dataFields: fields }]
})

test('whatever was refused, replayed, refused again or cut short, each field holds what the last row said [I2] [I4] [I6]', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (runs) => {
      const base = new MemoryStore()
      const destination = new RecordingDestination({ sizeMax: 3 })
      const world = new World({ store: base, destination })
      const bad = new Set<number>()
      const judge = (mended: boolean) => {
        strict = !mended
        destination.knob = ({ rows }) =>
          rows.map(({ action }): Outcome => {
            const values = action.kind === 'profile' ? Object.values(action.dataFields ?? {}) : []
            const isBad = !mended && values.some((one) => bad.has(Number(one)))
            return isBad ? { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } } : { status: 'accepted' }
          })
      }
      const sums = (rows: Record<string, number>) => {
        const { read, ...ended } = rows
        expect(Object.values(ended).reduce((sum, count) => sum + count, 0)).toBe(read)
      }
      const last: Record<string, Record<string, number>> = {}
      let value = 0
      for (const { lines, pageSize, replays, diesAt } of runs) {
        if (replays !== 'none') {
          judge(replays !== 'refused again')
          const store = new Mortal(base, diesAt ?? undefined)
          const deadLetters = replays === 'r1' ? ({ key: 'r1' } as const) : 'all'
          const sync = new World({ store, destination }).sync([], { transform, pageSize })
          await sync.replay({ deadLetters }).then(
            ({ rows }) => sums(rows as never),
            (error: Error) => expect(error.message).toBe('died'),
          )
          world.clock.advance(120_000)
        }
        judge(false)
        const rows = lines.map(({ of: { row, person, fields }, fate }): Row => {
          value += 1 // never the same twice: a row that says the same again is no write
          if (fate === 'refused') bad.add(value)
          const data = Object.fromEntries(fields.map((field) => [field, value]))
          last[address(person)] = { ...last[address(person)], ...data }
          return { row, person, thrown: fate === 'thrown', nameless: fate === 'nameless', ...data }
        })
        const source = new RowsSource({ name: 'rows', rows, key: ['row'] })
        const report = await world.sync([], { source, transform, pageSize, rejectedShareMax: 1 }).run()
        expect(report.status).toBe('complete')
        sums(report.rows as never)
      }
      judge(true)
      for (const person of ['p0', 'p1']) {
        const ids = [
          { namespace: 'customer_id', value: person },
          { namespace: 'email', value: address(person) },
        ]
        await world.identity.observe([{ source: 'crm', key: person, observedAt: null, ids }])
      }
      const replay = await world.sync([], { transform }).replay({ deadLetters: 'all' })
      expect(replay).toMatchObject({ status: 'complete', rows: { rejected: 0, unsettled: 0 } })
      await world.sync([], { transform }).run()
      const held: Record<string, object> = {}
      for (const { address: to, action } of destination.applied) {
        if (action.kind === 'profile') held[to] = { ...held[to], ...action.dataFields }
      }
      expect(held).toEqual(last)
      for (const table of ['parked', 'deadLetter'] as const) {
        expect(await base.scan(table, { prefix: ['test'], limit: 10 })).toEqual([])
      }
    }),
    { numRuns, ...seed },
  )
}, 120_000)
