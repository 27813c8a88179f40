import { expect, test } from 'vitest'
import { Transform } from '../../src/transform/transform.js'

/** Each gives what it finds of the present and of `skip`, however it asks for it. */
test.each([
  'export default (row, { now, skip }) => ({ email: "a", dataFields: { now, skip: typeof skip } })',
  'export default (row, more = {}) => ({ email: "a", dataFields: { now: more.now, skip: typeof more.skip } })',
  'export default (...all) => ({ email: "a", dataFields: { now: all[1].now, skip: typeof all[1].skip } })',
  'export default function (row) { const [, { now, skip }] = arguments; return { email: "a", dataFields: { now, skip: typeof skip } } }',
  'function asked(row) { return { email: "a", dataFields: { now: arguments[1].now, skip: typeof arguments[1].skip } } }\nexport default asked',
  'const made = (read) => (row, more) => read(more); export default made(({ now, skip }) => ({ email: "a", dataFields: { now, skip: typeof skip } }))',
])('a function is handed its context: %s', async (program) => {
  await using transform = Transform.fromText(program, { isolation: 'none' })
  const { actions } = await transform.try([{}], { now: 17 })
  expect(actions).toMatchObject([{ dataFields: { now: 17, skip: 'function' } }])
})
