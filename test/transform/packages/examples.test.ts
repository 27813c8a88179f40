import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { listed } from '../../../scripts/build-packages.js'
import { packageSource } from '../../../src/transform/packages/packages.js'
import { EXAMPLES } from './examples.js'
import { TestRealm } from './realm.js'

const ROOT = join(import.meta.dirname, '../../..')

test('each package of the list has an example', async () => {
  expect(EXAMPLES.map(({ name }) => name)).toEqual((await listed()).map(({ name }) => name))
})

describe('in the sandbox, an example of its own gives what it says', () => {
  let realm: TestRealm
  beforeAll(async () => {
    realm = await TestRealm.open()
  })

  test.each(EXAMPLES)('$name', async ({ name, file = 'README.md', quote, body, gives }) => {
    expect(readFileSync(join(ROOT, 'node_modules', name, file), 'utf8').replaceAll('\r\n', '\n')).toContain(quote)
    const source = await packageSource(name)
    expect(source).toMatchObject({ slug: name })
    realm.give(source === undefined ? [] : [source])
    expect(realm.run(body)).toMatchObject({ value: gives })
  })
})
