import { expect, test } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform } from '../../src/transform/transform.js'
import { Watch } from './stage.js'

/** How many processes a program needs for some pages of a thousand rows: one, unless memory ran out. */
async function processesOf(body: string, pages: number): Promise<number> {
  const watch = new Watch()
  const transform = Transform.fromText(`export default (row) => { ${body} }`, { memoryMb: 32, timeoutMs: 30_000 })
  const rows = rowBlock(Array.from({ length: 1_000 }, (_, n) => ({ n })))
  for (let page = 0; page < pages; page += 1) {
    const made = await transform.run({ rows })
    expect(made.actions.length).toBe(1_000)
  }
  await transform.close()
  expect(await watch.left()).toEqual([])
  return watch.processes.length
}

test('rejections that nobody waits for do not pile up from slice to slice', async () => {
  const body = "Promise.reject([...Array(500).keys()]); return { email: 'a' }"
  expect(await processesOf(body, 20)).toBe(1)
})

test('large details, other than large payloads, do not take the memory of a slice', async () => {
  const item = "{ id: 'sku' + i, name: 'x'.repeat(80) + row.n, price: 1, quantity: 1 }"
  const body = `return { kind: 'purchase', email: 'a', total: 1, items: Array.from({ length: 500 }, (_, i) => (${item})) }`
  expect(await processesOf(body, 1)).toBe(1)
})
