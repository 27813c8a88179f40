import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Outcome } from '../../src/model/outcome.js'
import type { Row } from '../../src/model/row.js'
import type { JsonObject } from '../../src/model/value.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { Mortal } from '../identity/mortal.js'
import { plainTransform } from '../sync/plain-transform.js'
import { RecordingDestination } from '../sync/recording-destination.js'
import { World } from '../sync/world.js'
import { numbersIn, type Standing, saying, stand, WAYS, type Way } from './words.js'

const numRuns = Number(process.env.LAW_RUNS ?? 200)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }

/** A row always writes the same parts, and belongs to one person. */
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
/** What the rows of a history write: profiles in every third. */
const ways = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Way>('profile') },
  { weight: 2, arbitrary: fc.constantFrom(...WAYS) },
)
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
let way: Way = 'profile'
const transform = plainTransform(({ row: _row, person: named, thrown, nameless, ...data }) => {
  if (strict && thrown === true) throw new Error('no')
  const person = String(named)
  const shown = nameless === true ? {} : { email: address(person) }
  return [saying(way, { person, identifiers: { customer_id: person, ...shown }, data: data as JsonObject })]
})

test('whatever was refused, replayed, refused again or cut short, each part of each kind is what the last row said [I2] [I4] [I6]', async () => {
  await fc.assert(
    fc.asyncProperty(ways, history, async (given, runs) => {
      way = given
      const base = new MemoryStore()
      const destination = new RecordingDestination({ sizeMax: 3 })
      destination.mergesItems = way === 'merged item'
      const world = new World({ store: base, destination })
      const bad = new Set<number>()
      const judge = (mended: boolean) => {
        strict = !mended
        destination.knob = ({ rows }) =>
          rows.map(({ action }): Outcome => {
            const isBad = !mended && numbersIn(action).some((one) => bad.has(one))
            return isBad ? { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } } : { status: 'accepted' }
          })
      }
      const sums = (rows: Record<string, number>) => {
        const { read, ...ended } = rows
        expect(Object.values(ended).reduce((sum, count) => sum + count, 0)).toBe(read)
      }
      const last: Standing = {}
      let value = 100
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
          stand(last, address(person), saying(way, { person, identifiers: {}, data }), destination.mergesItems)
          return { row, person, thrown: fate === 'thrown', nameless: fate === 'nameless', ...data }
        })
        const source = new RowsSource({ name: 'rows', rows, key: ['row'] })
        const report = await world.sync([], { source, transform, pageSize, rejectedShareMax: 1 }).run()
        expect([report.status, report.error?.message]).toEqual(['complete', undefined])
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
      const held: Standing = {}
      for (const { address: to, action } of destination.applied) stand(held, to, action, destination.mergesItems)
      expect(held).toEqual(last)
      for (const table of ['parked', 'deadLetter'] as const) {
        expect(await base.scan(table, { prefix: ['test'], limit: 10 })).toEqual([])
      }
    }),
    { numRuns, ...seed },
  )
}, 120_000)
