import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventContracts } from '../../src/destinations/iterable/event-contracts.js'
import { takes } from '../../src/destinations/iterable/field-contract.js'
import type { FieldType, Shape } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import type { JsonObject } from '../../src/model/value.js'
import { bulk, delivered, event, signal, stubbed } from './iterable-stub.js'

const shape = (fields: Readonly<Record<string, FieldType>>): Shape => ({
  fields: new Map(Object.entries(fields)),
  dotted: false,
})
const RULES = { createNewFields: true, newNumbers: 'double', nearDates: 'allow' } as const
const contracts = (before: JsonObject = {}) => new EventContracts({ pinned: {}, before, rules: RULES })

describe('what is learned of the fields of events', () => {
  const TRUE_TYPES = ['string', 'date', 'long', 'double', 'boolean', 'object'] as const
  const GOT = ['string', 'date', 'nearDate', 'long', 'double', 'boolean', 'object', 'null', 'array'] as const

  test('never rules out the type that the field has, whatever it takes and in which order', () => {
    const history = fc.array(fc.constantFrom(...GOT), { maxLength: 12 })
    fc.assert(
      fc.property(fc.constantFrom(...TRUE_TYPES), history, (type, values) => {
        const known = contracts()
        for (const got of values.filter((one) => takes(type, one))) known.accepted('Seen', shape({ field: got }))
        const next = contracts(known.learned())
        for (const got of GOT.filter((one) => takes(type, one))) {
          expect(next.verdict('Seen', shape({ field: got })).reason).toBeUndefined()
        }
      }),
    )
  })

  test('is said as the types that are left', () => {
    const known = contracts()
    known.accepted(
      'Seen',
      shape({ n: 'long', at: 'date', note: 'nearDate', gone: 'null', tags: 'array', 'tags[]': 'string' }),
    )
    const first = { n: 'long or double', at: 'string or date', note: 'string', tags: 'string' }
    expect(known.learned()).toEqual({ Seen: { ...first, at: 'string or date' } })
    known.accepted('Seen', shape({ n: 'double', at: 'string' }))
    expect(known.learned()).toEqual({ Seen: { ...first, n: 'double', at: 'string' } })
  })

  test('a field that took what no one type takes is nobody’s business', () => {
    const known = contracts({ Seen: { n: 'double' } })
    known.accepted('Seen', shape({ n: 'string' }))
    expect(known.learned()).toEqual({ Seen: { n: 'any' } })
    expect(contracts(known.learned()).verdict('Seen', shape({ n: 'boolean' })).reason).toBeUndefined()
  })

  test('is of one event name, and counts from the next run on [I9]', () => {
    const known = contracts()
    known.accepted('Seen', shape({ n: 'boolean' }))
    expect(known.verdict('Seen', shape({ n: 'string' })).reason).toBeUndefined()
    const next = contracts(known.learned())
    expect(next.verdict('Other', shape({ n: 'string' })).reason).toBeUndefined()
    expect(next.verdict('Seen', shape({ n: 'string' })).reason).toEqual({
      code: 'FIELD_TYPE_CONFLICT',
      facts: { field: 'n', expected: 'boolean', got: 'string' },
    })
  })

  test('has a bound [I12]', () => {
    const known = contracts()
    for (let n = 0; n < 1_200; n += 1) known.accepted(`Seen ${n}`, shape({ n: 'long' }))
    expect(Object.keys(known.learned())).toHaveLength(1_000)
  })

  test('nothing is taken for learned that is not in its form', () => {
    const odd = { Seen: { a: 'double', b: 'decimal', c: 7 }, Other: null, Third: 'x' }
    expect(contracts(odd as never).learned()).toEqual({ Seen: { a: 'double' } })
  })
})

describe('IterableDestination', () => {
  const seen = (dataFields: JsonObject) => event('a@example.com', 'Seen', { dataFields })

  test('learns from accepted events alone, and refuses what contradicts them in the next run', async () => {
    const stub = stubbed()
    const first = await delivered(stub, [
      seen({ total: 0.5 }),
      event('b@example.com', 'Left', { dataFields: { n: 1 } }),
    ])
    const learned = await first.delivery.close()
    expect(learned.events).toEqual({ Seen: { total: 'double' }, Left: { n: 'long or double' } })
    expect((await stub.destination.contract()).events).toEqual(learned.events)

    const delivery = await stub.destination.open(signal, learned)
    const { refused, requests } = await delivery.prepare(actionBlock([seen({ total: 'much' }), seen({ total: 1 })]))
    expect(refused).toEqual([
      {
        action: 0,
        reason: { code: 'FIELD_TYPE_CONFLICT', facts: { field: 'total', expected: 'double', got: 'string' } },
      },
    ])
    expect(requests.flatMap(({ actions }) => actions)).toEqual([1])
  })

  test('learns nothing from events that were refused', async () => {
    const stub = stubbed()
    stub.scripted('events/trackBulk', bulk(0, 1, { disallowedEventNames: ['Seen'] }))
    const { delivery } = await delivered(stub, [seen({ total: 0.5 })])
    expect(await delivery.close()).not.toHaveProperty('events')
  })

  test('pinned events have the types that are said, and no other field', async () => {
    const stub = stubbed({ events: { Seen: { total: 'double', at: 'date' } } })
    const { refused, delivery } = await delivered(stub, [
      seen({ total: 3 }),
      seen({ total: 'much' }),
      seen({ note: 'x' }),
      seen({ at: '2026-03-15 10:00:00 +00:00' }),
    ])
    expect(stub.sent('events/trackBulk')[0]?.text).toContain('"total":3.0')
    expect(refused.map(({ action, reason }) => [action, reason.code, reason.facts?.field])).toEqual([
      [1, 'FIELD_TYPE_CONFLICT', 'total'],
      [2, 'FIELD_NOT_ALLOWED', 'note'],
    ])
    expect(await delivery.close()).not.toHaveProperty('events')
    expect((await stub.destination.contract()).events).toEqual({ Seen: { total: 'double', at: 'date' } })
  })

  test('an event cannot be pinned to a type that does not exist', () => {
    expect(() => stubbed({ events: { Seen: { total: 'decimal' } } } as never)).toThrow(/events\.Seen\.total/)
  })
})
