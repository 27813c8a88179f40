import { expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import type { Row } from '../../src/model/row.js'
import { plainTransform } from './plain-transform.js'
import { World } from './world.js'

/** Two rows of one person: what is null is left out, as with `nulls: 'omit'`. */
const transform = plainTransform(({ a, b }: Row): readonly Action[] => {
  const dataFields = { ...(a === null ? {} : { a: a as number }), ...(b === null ? {} : { b: b as number }) }
  return [{ kind: 'profile', identifiers: { customer_id: 'c-1', email: 'ada@example.com' }, dataFields }]
})
const first = { id: 'r-1', a: 1, b: null }

/** What the profile holds: fields are upserted. */
const holds = ({ destination }: World) =>
  Object.assign({}, ...destination.applied.map(({ action }) => (action.kind === 'profile' ? action.dataFields : {})))

test('a row is not called unchanged where a later one that has dropped the field has left its own value there', async () => {
  const world = new World()
  const run = async (...rows: Row[]) => await world.sync(rows, { transform }).run()
  await run(first, { id: 'r-2', a: 2, b: 2 })
  expect(holds(world)).toEqual({ a: 2, b: 2 })
  await run(first, { id: 'r-2', a: null, b: 2 })
  expect(await run(first, { id: 'r-2', a: null, b: 2 })).toMatchObject({ rows: { accepted: 2 } })
  expect(holds(world)).toEqual({ a: 1, b: 2 }) // as a full run leaves it
  expect(await run(first, { id: 'r-2', a: null, b: 2 })).toMatchObject({ rows: { unchanged: 2 }, requests: {} })
})

test('where a later row only says something else its profile is not sent twice', async () => {
  const world = new World()
  const run = async (...rows: Row[]) => await world.sync(rows, { transform }).run()
  for (const b of [2, 3, 4]) await run(first, { id: 'r-2', a: 2, b })
  expect(await run(first, { id: 'r-2', a: 2, b: 5 })).toMatchObject({ rows: { unchanged: 1, accepted: 1 } })
  expect(await run(first, { id: 'r-2', a: 2, b: 5 })).toMatchObject({ rows: { unchanged: 2 }, requests: {} })
})
