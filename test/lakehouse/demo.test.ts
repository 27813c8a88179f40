import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { steady } from '../integration/steady.js'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

test('the demo tells the same story of a Delta table as of the warehouse in its own process', async () => {
  const args = ['--import', TSX, join(EXAMPLES, 'demo.ts'), '--lakehouse']
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, TZ: 'UTC' } })
  expect(steady(stdout)).toBe(steady(await readFile(join(EXAMPLES, 'demo.out.txt'), 'utf8')))
})
