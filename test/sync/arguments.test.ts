import { describe, expect, test } from 'vitest'
import {
  deliver,
  IdentityResolver,
  isLakeloopError,
  ListDeltaComputer,
  MemoryStore,
  RowsSource,
  Transform,
} from '../../src/index.js'
import { RecordingDestination } from './recording-destination.js'

const resolver = () => new IdentityResolver({ store: new MemoryStore(), target: 'email', namespaces: {} })

/** What a program without types may hand in. */
const MISTAKES: Readonly<Record<string, () => unknown>> = {
  'new IdentityResolver()': () => new IdentityResolver(undefined as never),
  'resolve(null)': () => resolver().resolve(null as never),
  'resolve([null])': () => resolver().resolve([null] as never),
  'observe([{}])': () => resolver().observe([{}] as never),
  'observe(null)': () => resolver().observe(null as never),
  'deliver(destination, null)': () => deliver(new RecordingDestination(), null as never),
  'deliver({}, [])': () => deliver({} as never, []),
  'Transform.fromText(5)': () => Transform.fromText(5 as never),
  'Transform.fromFile()': () => Transform.fromFile(undefined as never),
  'explain()': () => resolver().explain(undefined as never, undefined as never),
  "explain('c1', 'c2')": () => resolver().explain('c1' as never, 'c2' as never),
  'history of a text': () =>
    resolver()
      .history('c1' as never)
      .next(),
  'advance()': () => resolver().advance(undefined as never),
  'forget() of no project': () => resolver().forget([], undefined as never),
  'forget([null])': () => resolver().forget([null] as never, { projects: [] }),
  'new ListDeltaComputer()': () => new ListDeltaComputer(undefined as never),
  'new RowsSource()': () => new RowsSource(undefined as never),
}

describe('a mistake of the program is an error that says which thing and why:', () => {
  test.each(Object.entries(MISTAKES))('%s', async (_, make) => {
    const error = await Promise.resolve()
      .then(make)
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
    expect(isLakeloopError(error, 'OPTION_INVALID') && error.message).toMatch(/option \S+ /)
  })
})

test('each primitive can be closed, twice, and by await using', async () => {
  const parts = [
    resolver(),
    new ListDeltaComputer({ store: new MemoryStore() }),
    new RowsSource({ name: 'rows', rows: [] }),
    Transform.fromText('export default () => []'),
  ]
  for (const part of parts) {
    await part.close()
    await part[Symbol.asyncDispose]()
  }
})
