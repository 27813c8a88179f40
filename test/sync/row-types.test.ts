import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RowsSource } from '../../src/sources/from-rows.js'
import type { Source } from '../../src/sources/source.js'
import { rowTypes } from '../../src/transform/declared/row-types.js'
import { people, World } from './world.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lakeloop-types-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const world = new World()
const columns = [
  { name: 'id', type: 'string', nullable: false },
  { name: 'email', type: 'string', nullable: false },
  { name: 'score', type: 'double', nullable: false },
]
const syncOf = (source: Source) => world.sync([], { source })

test('types() gives the row types of the source, without a read where it describes itself', async () => {
  const source = new RowsSource({ name: 'scores', rows: people(3), key: ['id'] })
  source.read = () => {
    throw new Error('it was read')
  }
  expect(await syncOf(source).types()).toBe(rowTypes({ columns }))
})

test('types() reads one page where only that tells, and closes what it read from', async () => {
  let given = 0
  let closed = false
  const rows = function* () {
    try {
      for (const row of people(5_000)) {
        given += 1
        yield row
      }
    } finally {
      closed = true
    }
  }
  const source = new RowsSource({ name: 'scores', rows, key: ['id'] })
  expect(await syncOf(source).types()).toBe(rowTypes({ columns }))
  expect([given, closed]).toEqual([1_000, true])
})

test.each([
  ['an array', []],
  ['what can be read anew', () => []],
])('types() says that rows are wanted where there are none: %s', async (_what, rows) => {
  await expect(syncOf(new RowsSource({ name: 'scores', rows })).types()).rejects.toMatchObject({
    code: 'ROW_TYPES_UNKNOWN',
    facts: { source: 'scores' },
  })
})

test('types({ file }) writes the text as a whole, and not again if it is the same', async () => {
  const file = join(folder, 'churn.row.d.ts')
  const sync = world.sync(people(3))
  const text = await sync.types({ file })
  expect(readFileSync(file, 'utf8')).toBe(text)
  const { ino } = statSync(file)
  await sync.types({ file })
  expect(statSync(file).ino).toBe(ino)
  await Promise.all(Array.from({ length: 20 }, (_, n) => world.sync([{ id: 'a', [`c${n}`]: 1 }]).types({ file })))
  const each = await Promise.all(Array.from({ length: 20 }, (_, n) => world.sync([{ id: 'a', [`c${n}`]: 1 }]).types()))
  expect(each).toContain(readFileSync(file, 'utf8'))
  expect(readdirSync(folder)).toEqual(['churn.row.d.ts'])
})

test('types({ file }) overwrites nothing that it did not make', async () => {
  const file = join(folder, 'own.d.ts')
  writeFileSync(file, 'export type Mine = 1\n')
  await expect(world.sync(people(3)).types({ file })).rejects.toMatchObject({ code: 'ROW_TYPES_UNWRITABLE' })
  expect(readFileSync(file, 'utf8')).toBe('export type Mine = 1\n')
  expect(readdirSync(folder)).toEqual(['own.d.ts'])
})

test.each([
  ['a folder that is not there', 'none/a.d.ts', 'ENOENT'],
  ['a folder of that name', '.', 'EISDIR'],
])('types({ file }) says why it cannot write: %s', async (_what, path, problem) => {
  const file = path === '.' ? join(folder, 'a.d.ts') : join(folder, path)
  if (path === '.') mkdirSync(file)
  await expect(world.sync(people(3)).types({ file })).rejects.toMatchObject({
    code: 'ROW_TYPES_UNWRITABLE',
    facts: { file, problem },
  })
})

test.each([[{ file: 'churn.ts' }], [{ file: 7 }], [{ path: 'a.d.ts' }], [{ signal: 1 }]])(
  'types(%j) is a mistake that is named',
  async (request) => {
    await expect(world.sync(people(3)).types(request as never)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  },
)

test('types() throws what the source throws', async () => {
  const source = new RowsSource({ name: 'scores', rows: people(3), key: ['nothing'] })
  await expect(syncOf(source).types()).rejects.toMatchObject({ code: 'SOURCE_KEY_MISSING' })
  await source.close()
  await expect(syncOf(source).types()).rejects.toMatchObject({ code: 'CLOSED' })
})
