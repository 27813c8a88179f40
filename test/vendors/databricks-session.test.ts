import { expect, test } from 'vitest'
import { WarehouseSession } from '../../src/vendors/databricks/session.js'

test('a statement with more parameters than a warehouse takes is refused before anything is asked', async () => {
  const asked: string[] = []
  const session = new WarehouseSession({
    name: 'churn',
    host: 'warehouse.invalid',
    httpPath: '/sql/1.0/warehouses/x',
    token: async () => {
      asked.push('token')
      return 't'
    },
    userAgent: 'lakeloop',
    startTimeoutMs: 0,
    useCloudFetch: false,
  })
  const many = Object.fromEntries(Array.from({ length: 256 }, (_, at) => [`p${at}`, { type: 'INT', value: '1' }]))
  const refused = { code: 'OPTION_INVALID', message: expect.stringContaining('are 256; a statement takes 255') }
  await expect(session.query('SELECT 1', { parameters: many })).rejects.toMatchObject(refused)
  await expect(session.rows('SELECT 1', { parameters: many })).rejects.toMatchObject(refused)
  expect(asked).toEqual([])
  await session.close()
})
