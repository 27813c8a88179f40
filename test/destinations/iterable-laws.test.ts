import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emailOf, userIdOf } from '../../src/destinations/iterable/address.js'
import { pointsOf } from '../../src/destinations/iterable/decimal-points.js'
import {
  IterableDestination,
  type IterableDestinationOptions,
} from '../../src/destinations/iterable/iterable-destination.js'
import { folded } from '../../src/destinations/iterable/payload.js'
import { isLakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import { shapeOf } from '../../src/model/shape.js'
import type { Json, JsonObject } from '../../src/model/value.js'
import { answer, bulk, event, member, profile, signal, stubbed } from './iterable-stub.js'

const numRuns = Number(process.env.LAW_RUNS ?? 200)
const bytes = (payload: JsonObject) => Buffer.from(JSON.stringify(payload))
const name = fc.constantFrom('a', 'b', 'c', '__proto__', '1')
const leaf = fc.oneof(
  fc.constant(null),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom('x', 'y'),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const { payload } = fc.letrec<{ value: Json; payload: JsonObject }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(leaf, { maxLength: 3 }), tie('payload')),
  // As text carries it: -0 is 0 there.
  payload: fc.dictionary(name, tie('value'), { maxKeys: 4 }).map((made) => JSON.parse(JSON.stringify(made))),
}))

/** What Iterable does with a write, as the reference table 2.4 and 4.6 describe it: the slow oracle. */
function write(stored: JsonObject, change: JsonObject, merge: boolean): JsonObject {
  const next = new Map(Object.entries(stored))
  for (const [field, value] of Object.entries(change)) {
    const before = next.get(field)
    if (value === null) next.delete(field)
    else if (merge && isObject(value)) next.set(field, write(isObject(before) ? before : {}, value, true))
    else next.set(field, value)
  }
  return Object.fromEntries([...next].sort(([left], [right]) => (left < right ? -1 : 1)))
}
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

describe('folded()', () => {
  test.each([true, false])('does what the two writes do in their order, merging %s', (merge) => {
    fc.assert(
      fc.property(payload, payload, payload, (stored, first, second) => {
        const one = folded(bytes(first), bytes(second), merge)
        if (one === undefined) return
        const both = write(write(stored, first, merge), second, merge)
        expect(write(stored, JSON.parse(Buffer.from(one).toString()), merge)).toEqual(both)
      }),
      { numRuns },
    )
  })
})

/** The slow oracle: parses, and writes everything anew. */
function pointed(value: Json, path: string, paths: ReadonlySet<string>): string {
  if (typeof value === 'number' && paths.has(path) && Number.isInteger(value)) {
    return JSON.stringify(value).replace(/^-?\d+(?=$|e)/, '$&.0')
  }
  if (Array.isArray(value)) return `[${value.map((one) => pointed(one, `${path}[]`, paths)).join()}]`
  if (!isObject(value)) return JSON.stringify(value)
  const below = (field: string) => (path === '' ? field : `${path}.${field}`)
  const members = Object.entries(value).map(
    ([field, held]) => `${JSON.stringify(field)}:${pointed(held, below(field), paths)}`,
  )
  return `{${members.join()}}`
}

/** The payload with its points, put in from behind so that no place moves. */
function withDecimalPoints(payload: Uint8Array, paths: ReadonlySet<string>): string {
  const put = (text: Buffer, at: number) => Buffer.concat([text.subarray(0, at), Buffer.from('.0'), text.subarray(at)])
  return pointsOf(payload, paths).reduceRight(put, Buffer.from(payload)).toString()
}

describe('pointsOf()', () => {
  const odd = fc.constantFrom('"', '\\', '\\"', 'a.b', '{"a":1}', ',1]', 'ü', '😀', '\u2028', '\n', '')
  const value = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<Json>(null, true, false, 0, 7, -12, 1e21, 1e300, 5e-324, 0.5, 1e-7),
      odd,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(name, odd), tie('value'), { maxKeys: 3 }),
    ),
  })).value
  const objects = fc.dictionary(fc.oneof(name, odd), value, { maxKeys: 4 })

  test('writes a point into the whole numbers at the paths and leaves every other byte', () => {
    const drawn = objects.chain((given) =>
      fc.tuple(fc.constant(given as JsonObject), fc.subarray([...shapeOf(given as JsonObject).fields.keys()])),
    )
    fc.assert(
      fc.property(drawn, ([given, names]) => {
        const paths = new Set(names)
        const text = withDecimalPoints(bytes(given), paths)
        // Not by way of JSON.parse: in Node 24 (V8 13.6) it takes a name that is a quote for one that is a backslash,
        // where an object of the same shape had a backslash there before.
        expect(text).toBe(pointed(given, '', paths))
      }),
      { numRuns },
    )
  })

  test('gives the places in the order of the payload, whatever that of the paths', () => {
    expect(pointsOf(Buffer.from('{"a":1,"b":2}'), new Set(['b', 'a']))).toEqual([6, 12])
  })

  test('takes JSON with white space as it is', () => {
    const text = ' { "a" : [ 1 , 2.5 ,\n-3 ] , "b" : 4 , "c": {} }\n'
    const made = withDecimalPoints(Buffer.from(text), new Set(['a[]', 'b']))
    expect(made).toBe(' { "a" : [ 1.0 , 2.5 ,\n-3.0 ] , "b" : 4.0 , "c": {} }\n')
  })

  test.each(['', '{"a":1', '{"a', '{"a":', '[1,'])('ends with an error on %j, which is no JSON', (text) => {
    expect(() => withDecimalPoints(Buffer.from(text), new Set(['a']))).toThrow(SyntaxError)
  })

  test.each([
    [1e21, '1.0e+21'],
    [-0, '0.0'],
    [1e300, '1.0e+300'],
    [5e-324, '5e-324'],
    [9007199254740991, '9007199254740991.0'],
  ])('%d', (value, text) => {
    expect(withDecimalPoints(bytes({ v: value }), new Set(['v']))).toBe(`{"v":${text}}`)
  })
})

describe('addresses', () => {
  test.each([
    [' Ann@Example.COM ', 'ann@example.com'],
    ['a+b.c@x-y.co.uk', 'a+b.c@x-y.co.uk'],
    ['\u200ba@example.com\ufeff', 'a@example.com'],
    ['a@example.com.', 'a@example.com'],
    ['a@bücher.example', 'a@xn--bcher-kva.example'],
  ])('%j is %s', (raw, email) => {
    expect(emailOf(raw)).toBe(email)
    expect(emailOf(email)).toBe(email)
  })

  test.each([
    '',
    'none',
    '@example.com',
    'a@',
    'a@b',
    'a b@example.com',
    'a@exa mple.com',
    'a..b@example.com',
    '.a@example.com',
    `${'x'.repeat(65)}@example.com`,
    'a@-x.com',
    'a@x.1',
    'a\n@example.com',
    'a@example.com,b@example.com',
    'j\u00f6rg@example.com',
    '"ab"@example.com',
  ])('%j is no email', (raw) => expect(emailOf(raw)).toBeUndefined())

  test.each(['', ' a', 'a ', 'ü', 'a\tb', 'x'.repeat(53)])('%j is no userId', (raw) =>
    expect(userIdOf(raw)).toBeUndefined(),
  )
  test.each(['a', 'A b', 'x'.repeat(52), '~!'])('%j is a userId', (raw) => expect(userIdOf(raw)).toBe(raw))
})

const people = fc.constantFrom('a@example.com', 'B@example.com', 'c@example.com', 'none')
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.tuple(people, payload).map(([email, fields]) => profile(email, fields)),
  fc.tuple(people, payload).map(([email, dataFields]) => event(email, 'seen', { dataFields })),
  fc.tuple(people, fc.constantFrom('vip', 'gone', 7), fc.boolean()).map(([email, list, is]) => member(email, list, is)),
  fc.tuple(people, people).map(([from, to]): Action => ({ kind: 'addressChange', identifiers: {}, from, to })),
  fc.constant<Action>({ kind: 'forget', identifiers: {} }),
)

describe('prepare()', () => {
  const options = {
    fields: { a: 'double', b: 'string' },
    createNewFields: true,
    knownLists: [{ id: 7, name: 'vip' }],
    sizeMax: 3,
  }

  test('every action stands once, each address once per bulk request, and a person keeps the order [I4] [I6]', async () => {
    const delivery = await stubbed(options).destination.open(signal)
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const { requests, refused } = await delivery.prepare(actionBlock(actions))
        const all = [...requests.flatMap((request) => request.actions), ...refused.map((one) => one.action)]
        expect(all.toSorted((left, right) => left - right)).toEqual(actions.map((_, index) => index))
        const last = new Map<string, number>()
        for (const { endpoint, actions: held, body } of requests) {
          const { users, subscribers } = JSON.parse(Buffer.from(body).toString())
          const named: string[] = (users ?? subscribers ?? []).map((row: { email: string }) => row.email)
          expect(new Set(named).size).toBe(named.length)
          if (endpoint === 'events/trackBulk' || endpoint === 'users/updateEmail') continue
          for (const index of held) {
            const { kind, identifiers, list } = { list: '', ...actions[index] } as Action & { list: string }
            const who = `${kind} ${list} ${identifiers.email?.toLowerCase()}`
            expect(index).toBeGreaterThan(last.get(who) ?? -1)
            last.set(who, index)
          }
        }
      }),
      { numRuns },
    )
  })
})

describe('options', () => {
  const good: IterableDestinationOptions = {
    project: 'p',
    apiKey: 'key-canary',
    dataCenter: 'us',
    projectType: 'email',
  }
  test.each<[object, string]>([
    [{ apiKey: undefined }, 'CREDENTIALS_MISSING: IterableDestination has no credential for apiKey'],
    [{ apiKey: '' }, 'CREDENTIALS_MISSING'],
    [{ project: '' }, 'OPTION_INVALID: IterableDestination: option project'],
    [{ dataCenter: 'uk' }, 'option dataCenter'],
    [{ projectType: undefined }, 'option projectType'],
    [{ projectType: 'hybrid' }, 'option addressBy is required for a hybrid project'],
    [{ addressBy: 'userId' }, 'option addressBy contradicts projectType'],
    [{ createNewField: true }, 'option createNewField is not an option (perhaps createNewFields)'],
    [{ share: 0 }, 'option share'],
    [{ share: 1.5 }, 'option share'],
    [{ rates: { 'users/update': 3 } }, 'option rates'],
    [{ bytesMax: 5_000_000 }, 'option bytesMax'],
    [{ sizeMax: 0 }, 'option sizeMax'],
    [{ baseUrl: 'http://api.iterable.com' }, 'option baseUrl must be https'],
    [{ fetch: 'x' }, 'option fetch must be a function'],
  ])('%j', (change, text) => {
    expect(() => new IterableDestination({ ...good, ...change })).toThrow(text)
    expect(() => new IterableDestination({ ...good, ...change })).not.toThrow('canary')
  })

  test('each project type is addressed by its own identifier', () => {
    const by = (more: object) => new IterableDestination({ ...good, ...more }).addressedBy
    expect([by({}), by({ projectType: 'userId' }), by({ projectType: 'hybrid', addressBy: 'userId' })]).toEqual([
      'email',
      'userId',
      'userId',
    ])
  })
})

test('nothing that is thrown, returned or printed shows the key, an address or a value [I7]', async () => {
  const canary = /key-canary|ann@|hush/
  const rows: Action[] = [
    profile('ann@example.com', { plan: 'hush' }),
    event('ann@example.com', 'seen', { dataFields: { plan: 'hush' } }),
    member('ann@example.com', 7),
  ]
  const echo = {
    msg: 'ann@example.com hush key-canary',
    code: 'ann@example.com',
    params: { 'ann@example.com': 'hush' },
  }
  const answers = [
    ...[200, 302, 400, 401, 403, 404, 408, 409, 413, 429, 500].map((status) => () => answer(echo, status)),
    ...['RequestFieldsTypesMismatched', 'BadJsonBody', 'BatchTooLarge'].map(
      (code) => () =>
        answer(
          {
            ...echo,
            code,
            params: {
              validationErrors: {
                plan: { offendingValue: 'hush', expectedType: 'ann@', incomingTypes: ['hush'] },
                'ann@example.com': 0,
              },
            },
          },
          400,
        ),
    ),
    () => new TypeError('ann@example.com', { cause: new Error('key-canary') }),
    () => bulk(0, 1, { filteredOutFields: ['ann@example.com'], disallowedEventNames: ['ann@example.com'] }),
    () => bulk(0, 1, { failedUpdates: { invalidEmails: ['ann@example.com'] } }),
  ]
  let shown = ''
  const show = (value: unknown): void => {
    shown +=
      inspect(value, { depth: 20, showHidden: true }) +
      JSON.stringify(value) +
      (value instanceof Error ? value.stack : '')
  }
  for (const given of answers) {
    const stub = stubbed({ apiKey: 'key-canary', fields: { plan: 'string' }, knownLists: [{ id: 7, name: 'vip' }] })
    show(stub.destination)
    const delivery = await stub.destination.open(signal)
    show(delivery)
    for (const request of (await delivery.prepare(actionBlock(rows))).requests) {
      show((request as unknown as { wire: unknown }).wire)
      stub.scripted(request.endpoint, given)
      await delivery.apply(request, signal).then(show, (error) => {
        expect(isLakeloopError(error)).toBe(true)
        show(error)
      })
    }
    show(await delivery.close())
  }
  expect(shown.length).toBeGreaterThan(10_000)
  expect(shown).not.toMatch(canary)
})
