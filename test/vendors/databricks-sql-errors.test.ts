import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import { mayPass, sqlError } from '../../src/vendors/databricks/sql-errors.js'

/** As the driver throws an operation that failed. Source: seen through `@databricks/sql` 2.1 on Spark 4.1. */
const failed = (displayMessage: string, sqlState?: string) =>
  Object.assign(new Error(displayMessage), {
    name: 'OperationStateError',
    errorCode: 'ERROR',
    response: { displayMessage, sqlState },
  })

const CASES: readonly (readonly [string, unknown, string, string])[] = [
  [
    'a table that is not there',
    failed('[TABLE_OR_VIEW_NOT_FOUND] The table or view `a`.`b` cannot be found.', '42P01'),
    'SOURCE_TABLE_MISSING',
    'a.b',
  ],
  [
    'a column that is not there',
    failed(
      '[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name `nope` cannot be resolved. Did you mean one of the following? [`email`, `tier`].',
      '42703',
    ),
    'SOURCE_COLUMN_MISSING',
    'nope, which is not there. Check the name; perhaps it was renamed to email or tier',
  ],
  [
    'a syntax error',
    failed("[PARSE_SYNTAX_ERROR] Syntax error at or near 'SELEC'. SQLSTATE: 42601 (line 3, pos 4)", '42601'),
    'SOURCE_QUERY_INVALID',
    'PARSE_SYNTAX_ERROR (SQLSTATE 42601) at line 3, column 5',
  ],
  [
    'a cast that fails',
    failed('[CAST_INVALID_INPUT] The value \'secret-7\' of the type "STRING" cannot be cast', '22018'),
    'SOURCE_QUERY_INVALID',
    'CAST_INVALID_INPUT (SQLSTATE 22018)',
  ],
  [
    'a privilege that is missing',
    failed(
      "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have SELECT on Table 'main.crm.users'. SQLSTATE: 42501",
      '42501',
    ),
    'SOURCE_FORBIDDEN',
    'lacks SELECT on Table main.crm.users',
  ],
  [
    'change data that is gone',
    failed('[DELTA_MISSING_CHANGE_DATA] Error getting change data for range [0 , 3]', 'KD002'),
    'SOURCE_HISTORY_GONE',
    'not on for all of the versions',
  ],
  [
    'a data file that is gone',
    failed('[FAILED_READ_FILE.FILE_NOT_EXIST] Encountered error while reading file s3://secret-7/a.parquet.', 'KD001'),
    'SOURCE_HISTORY_GONE',
    'removed by VACUUM',
  ],
  [
    'a data file that cannot be read, which is no lost history',
    failed('[FAILED_READ_FILE.NO_HINT] Encountered error while reading file s3://secret-7/a.parquet.', 'KD001'),
    'SOURCE_QUERY_INVALID',
    'FAILED_READ_FILE (SQLSTATE KD001), a data file could not be read',
  ],
  [
    'a version that is gone',
    failed('[DELTA_VERSION_NOT_FOUND] Cannot time travel Delta table to version 0', '22003'),
    'SOURCE_HISTORY_GONE',
    'not in the history',
  ],
  [
    'a feed across a rename',
    failed(
      '[DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE] Retrieving table changes between version 1 and 4 failed',
      '0AKDC',
    ),
    'SOURCE_HISTORY_SPLIT',
    'schema',
  ],
  [
    'a wrong token',
    Object.assign(new Error('bad HTTP status code: 401'), { statusCode: 401 }),
    'SOURCE_UNAUTHORIZED',
    'refused the credential',
  ],
  [
    'a token that is over, where the door says 403',
    Object.assign(new Error('x'), {
      statusCode: 403,
      response: { headers: new Headers({ 'x-databricks-reason-phrase': 'Invalid access token.' }) },
    }),
    'SOURCE_UNAUTHORIZED',
    'refused the credential',
  ],
  [
    'no permission on the warehouse',
    Object.assign(new Error('x'), { statusCode: 403 }),
    'SOURCE_FORBIDDEN',
    'CAN USE on the SQL warehouse',
  ],
  ['a warehouse that starts', Object.assign(new Error('x'), { statusCode: 503 }), 'SOURCE_UNREACHABLE', 'HTTP 503'],
  [
    'retries of the driver that are spent',
    new Error('Hive driver: 503 when connecting to resource. Max retry count exceeded.'),
    'SOURCE_UNREACHABLE',
    'HTTP 503',
  ],
  [
    'a reset',
    Object.assign(new Error('socket hang up'), { code: 'ECONNRESET', type: 'system' }),
    'SOURCE_UNREACHABLE',
    'ECONNRESET',
  ],
  // No Error at all: a StatusError of the driver is a plain object.
  [
    'a session that is gone',
    { name: 'Status Error', message: 'Invalid SessionHandle: SessionHandle [secret-7]', code: -1 },
    'SOURCE_UNREACHABLE',
    'dropped the session',
  ],
  [
    'a link that expired',
    new Error('CloudFetch link has expired'),
    'SOURCE_UNREACHABLE',
    'dropped the session or the result',
  ],
  ['a link that is refused', new Error('CloudFetch HTTP error 403 Forbidden'), 'SOURCE_UNREACHABLE', 'HTTP 403'],
  // As the driver's own code and node-fetch 2.7 throw them.
  [
    'retries of a link that are spent',
    Object.assign(new Error('Max retry count exceeded'), { errorCode: 'ATTEMPTS_EXCEEDED', payload: {} }),
    'SOURCE_UNREACHABLE',
    'the connection broke',
  ],
  [
    'a call that nobody answers',
    Object.assign(new Error('Request timed out'), { name: 'TApplicationException', type: 7 }),
    'SOURCE_UNREACHABLE',
    'the connection broke',
  ],
  [
    'an answer whose end does not come',
    Object.assign(new Error('Response timeout while trying to fetch https://secret-7 (over 900000ms)'), {
      name: 'FetchError',
      type: 'body-timeout',
    }),
    'SOURCE_UNREACHABLE',
    'the connection broke',
  ],
  [
    'a statement that an admin cancelled, whatever its SQLSTATE',
    { ...failed('secret-7', 'HY008'), errorCode: 'CANCELED' },
    'SOURCE_UNREACHABLE',
    'was cancelled on the server',
  ],
  [
    'a session that is gone, whatever its SQLSTATE',
    failed('requirement failed: Session handle: secret-7 has not been initialized or had already closed', 'HY000'),
    'SOURCE_UNREACHABLE',
    'dropped the session',
  ],
  [
    'a class behind the name of an exception',
    failed('org.apache.spark.SparkException: Job aborted: [DIVIDE_BY_ZERO] secret-7', '22012'),
    'SOURCE_QUERY_INVALID',
    'DIVIDE_BY_ZERO (SQLSTATE 22012)',
  ],
  [
    'a value in brackets, which is no class',
    failed("Cannot cast '[ANN_SMITH]' to INT", '22018'),
    'SOURCE_QUERY_INVALID',
    'refused: an error (SQLSTATE 22018)',
  ],
  ['something unheard of', new TypeError('secret-7 is not a function'), 'SOURCE_FAILED', 'failed while reading'],
  ['nothing at all', undefined, 'SOURCE_FAILED', 'failed while reading'],
]

/** Every class that Delta refuses a statement of ours with. Source: delta-io/delta delta-error-classes.json. */
const DELTA: readonly (readonly [classes: string, code: string, said: string])[] = [
  ['DELTA_MISSING_CHANGE_DATA', 'SOURCE_HISTORY_GONE', 'was not on'],
  ['DELTA_CHANGE_DATA_FILE_NOT_FOUND', 'SOURCE_HISTORY_GONE', 'VACUUM'],
  ['FAILED_READ_FILE.FILE_NOT_EXIST FAILED_READ_FILE.DBR_FILE_NOT_EXIST', 'SOURCE_HISTORY_GONE', 'VACUUM'],
  ['DELTA_FILE_NOT_FOUND DELTA_FILE_NOT_FOUND_DETAILED', 'SOURCE_HISTORY_GONE', 'VACUUM'],
  [
    'DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION',
    'SOURCE_HISTORY_GONE',
    'older than the retention',
  ],
  ['DELTA_VERSION_NOT_FOUND', 'SOURCE_HISTORY_GONE', 'not in the history'],
  [
    'DELTA_CDC_START_VERSION_AFTER_LATEST DELTA_INVALID_CDC_RANGE DELTA_CDC_READ_NULL_RANGE_BOUNDARY',
    'SOURCE_HISTORY_GONE',
    'version',
  ],
  [
    'DELTA_TIMESTAMP_GREATER_THAN_COMMIT DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION',
    'SOURCE_HISTORY_GONE',
    'the time is',
  ],
  [
    'DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA',
    'SOURCE_HISTORY_SPLIT',
    'schema',
  ],
  ['DELTA_TRUNCATED_TRANSACTION_LOG DELTA_LOG_FILE_NOT_FOUND', 'SOURCE_HISTORY_GONE', 'the log has expired'],
  ['DELTA_TABLE_NOT_FOUND DELTA_PATH_DOES_NOT_EXIST', 'SOURCE_TABLE_MISSING', 'not there'],
  ['DELTA_UNSUPPORTED_FEATURES_FOR_READ', 'SOURCE_QUERY_INVALID', 'the warehouse is too old'],
  [
    'DELTA_CONCURRENT_APPEND DELTA_CONCURRENT_DELETE_READ DELTA_CONCURRENT_DELETE_DELETE DELTA_CONCURRENT_WRITE DELTA_METADATA_CHANGED DELTA_PROTOCOL_CHANGED',
    'SOURCE_QUERY_INVALID',
    'another writer was faster',
  ],
  ['DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE', 'SOURCE_QUERY_INVALID', 'several rows have one key'],
  [
    'DELTA_METADATA_MISMATCH DELTA_FAILED_TO_MERGE_FIELDS DELTA_INSERT_COLUMN_ARITY_MISMATCH',
    'SOURCE_QUERY_INVALID',
    'the columns of the table',
  ],
  [
    'DELTA_NOT_NULL_CONSTRAINT_VIOLATED DELTA_VIOLATE_CONSTRAINT_WITH_VALUES',
    'SOURCE_QUERY_INVALID',
    'a constraint of the table',
  ],
]

describe('sqlError()', () => {
  test.each(DELTA.flatMap(([classes, code, said]) => classes.split(' ').map((name) => [name, code, said] as const)))(
    '%s, with a SQLSTATE and without',
    (name, code, said) => {
      for (const state of ['XXKDA', undefined]) {
        const error = sqlError(failed(`[${name}] secret-7`, state), 'churn')
        expect(error.code).toBe(code)
        expect(error.message).toContain(said)
        expect(error.message).not.toContain('secret-7')
      }
    },
  )

  test('a file that cannot be read is not taken for one that VACUUM has removed', () => {
    const error = sqlError(failed('[FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH] x', 'KD001'), 'churn')
    expect(error.code).toBe('SOURCE_QUERY_INVALID')
  })

  test.each(CASES)('%s', (_, thrown, code, said) => {
    const error = sqlError(thrown, 'churn')
    expect(error.code).toBe(code)
    expect(error.message).toContain(said)
  })

  test('no message of a server passes a value on [I7]', () => {
    for (const [, thrown] of CASES) expect(sqlError(thrown, 'churn').message).not.toMatch(/secret-7|ANN_SMITH/)
    const quotedValue = failed('[UNRESOLVED_COLUMN] A column with name `ann@example.com` cannot be resolved', '42703')
    expect(sqlError(quotedValue, 'churn').message).not.toContain('ann@example.com')
  })

  test.each([
    [{ statusCode: 503 }, true],
    [{ statusCode: 429 }, true],
    [{ statusCode: 404 }, false],
    [{ code: 'ECONNRESET' }, true],
    [{ code: 'ECONNREFUSED' }, true],
    [{ code: 'EAI_AGAIN' }, true],
    [{ code: 'ENOTFOUND' }, false],
    [{ code: 'CERT_HAS_EXPIRED' }, false],
    [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, false],
    [{ message: 'Invalid SessionHandle: SessionHandle [x]' }, true],
    [failed('[PARSE_SYNTAX_ERROR] x', '42601'), false],
    // Who cancels a statement does not want it again at once, and a time limit is met again.
    [{ errorCode: 'CANCELED' }, false],
    [{ errorCode: 'TIMEOUT' }, false],
    [{ errorCode: 'CLOSED' }, true],
  ])('%j is worth asking again: %s', (thrown, worth) => {
    expect(mayPass(sqlError(thrown, 'churn'))).toBe(worth)
  })

  test('an error of ours stays what it is', () => {
    const ours = new LakeloopError('CLOSED', { part: 'x' })
    expect(sqlError(ours, 'churn')).toBe(ours)
  })
})
