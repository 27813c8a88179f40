import { expect, test } from 'vitest'
import type { Refusal } from '../fakes/warehouse/answer.js'
import { KINDS, MARK, readAll, shown, stand } from './warehouse-stand.js'

const GONE = 'SOURCE_HISTORY_GONE'
const REFUSED = 'SOURCE_QUERY_INVALID'
const MISSING = 'SOURCE_TABLE_MISSING'

/**
 * Class, SQLSTATE, our code. What concerns writing alone has the general code, with class and SQLSTATE in sight.
 *
 * Source  delta-io/delta spark/src/main/resources/error/delta-error-classes.json. Databricks alone has
 *         DELTA_CHANGE_DATA_FILE_NOT_FOUND and FAILED_READ_FILE.DBR_*; their SQLSTATEs are not certain.
 */
const CLASSES = [
  ['DELTA_MISSING_CHANGE_DATA', 'KD002', GONE],
  ['DELTA_CHANGE_DATA_FILE_NOT_FOUND', 'KD002', GONE],
  ['FAILED_READ_FILE.DBR_FILE_NOT_EXIST', 'KD001', GONE],
  ['DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION', '0AKDC', GONE],
  ['DELTA_VERSION_NOT_FOUND', '22003', GONE],
  ['DELTA_CDC_START_VERSION_AFTER_LATEST', '22003', GONE],
  ['DELTA_INVALID_CDC_RANGE', '22003', GONE],
  ['DELTA_CDC_READ_NULL_RANGE_BOUNDARY', '22004', GONE],
  ['DELTA_TIMESTAMP_GREATER_THAN_COMMIT', '42816', GONE],
  ['DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION', '42816', GONE],
  ['DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE', '0AKDC', 'SOURCE_HISTORY_SPLIT'],
  ['DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA', '0AKDC', 'SOURCE_HISTORY_SPLIT'],
  ['DELTA_TRUNCATED_TRANSACTION_LOG', '42K03', GONE],
  ['DELTA_LOG_FILE_NOT_FOUND', '42K03', GONE],
  ['DELTA_TABLE_NOT_FOUND', '42P01', MISSING],
  ['DELTA_PATH_DOES_NOT_EXIST', '42K03', MISSING],
  ['DELTA_UNSUPPORTED_FEATURES_FOR_READ', '56038', REFUSED],
  ['DELTA_CONCURRENT_APPEND', '2D521', REFUSED],
  ['DELTA_CONCURRENT_DELETE_READ', '2D521', REFUSED],
  ['DELTA_CONCURRENT_DELETE_DELETE', '2D521', REFUSED],
  ['DELTA_CONCURRENT_WRITE', '2D521', REFUSED],
  ['DELTA_METADATA_CHANGED', '2D521', REFUSED],
  ['DELTA_PROTOCOL_CHANGED', '2D521', REFUSED],
  ['DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE', '21506', REFUSED],
  ['DELTA_METADATA_MISMATCH', '42KDG', REFUSED],
  ['DELTA_FAILED_TO_MERGE_FIELDS', '22005', REFUSED],
  ['DELTA_INSERT_COLUMN_ARITY_MISMATCH', '42802', REFUSED],
  ['DELTA_NOT_NULL_CONSTRAINT_VIOLATED', '23502', REFUSED],
  ['DELTA_VIOLATE_CONSTRAINT_WITH_VALUES', '23001', REFUSED],
] as const

/** Three ways to be told: with the SQLSTATE beside the text, within it, and not at all. */
const ROUTES: Readonly<Record<string, (text: string, sqlState: string) => Refusal>> = {
  state: (text, sqlState) => ({ text, sqlState }),
  'status with SQLSTATE': (text, sqlState) => ({ text: `${text} SQLSTATE: ${sqlState}`, route: 'status' }),
  'status alone': (text) => ({ text, route: 'status' }),
}

test.each(Object.keys(ROUTES))('every class of Delta is one of our codes, by %s', async (route) => {
  let refusal: Refusal | undefined
  const { warehouse, source, clock } = await stand({ statements: () => refusal }, KINDS['a bare query'])
  for (const [named, sqlState, code] of CLASSES) {
    refusal = ROUTES[route]?.(`[${named}] Something about '${MARK}' at \`main\`.\`crm\`.\`scores\`.`, sqlState)
    const { error, rows } = await readAll(source)
    expect([named, error?.code, rows]).toEqual([named, code, []])
    expect(shown(error)).not.toContain(MARK)
    expect(error?.message).toMatch(/: [^:]+.* [A-Z][^.]+\.$/s) // what happened, and what to do
    if (code === REFUSED) {
      expect(error?.message).toContain(named)
      expect(error?.message.includes(`(SQLSTATE ${sqlState})`)).toBe(route !== 'status alone')
    }
  }
  expect(warehouse.seen.statements).toHaveLength(CLASSES.length) // none is asked again
  expect(clock.slept).toEqual([])
})

test('a table that needs a newer warehouse is no fault of the SQL', async () => {
  const refusal = { text: '[DELTA_UNSUPPORTED_FEATURES_FOR_READ] x', sqlState: '56038' }
  const { source } = await stand({ statements: () => refusal }, KINDS['a bare query'])
  expect((await readAll(source)).error?.message).toContain('the warehouse is too old to read the table')
})
