import { describe, expect, test } from 'vitest'
import { namesIn } from '../../../src/sources/databricks/query-tables.js'

const tables = (query: string): readonly string[] => namesIn(query).tables.map(({ text }) => text)

describe('namesIn()', () => {
  test.each([
    ['SELECT a FROM main.crm.users', ['main.crm.users']],
    ['select a from Users u where u.a = 1', ['users']],
    ['SELECT * FROM `main`.`crm`.`odd name` AS u', ['main.crm.odd name']],
    ['SELECT * FROM a.b.c x JOIN d.e.f y ON x.id = y.id LEFT ANTI JOIN g h USING (id, n)', ['a.b.c', 'd.e.f', 'g']],
    ['SELECT f(a, b), c FROM t1, t2 x, t3 AS y WHERE a IN (1, 2) GROUP BY a, b', ['t1', 't2', 't3']],
    ['SELECT a FROM t1 VERSION AS OF 5 x, t2 TIMESTAMP AS OF now() - 1, t3', ['t1', 't2', 't3']],
    ['SELECT a FROM (SELECT b, c FROM t1 WHERE b > 1) x, t2', ['t1', 't2']],
    ['SELECT a FROM (t1 JOIN t2 ON t1.a = t2.a), t3', ['t1', 't2', 't3']],
    ['SELECT a FROM t1 WHERE a IN (SELECT b FROM t2)', ['t1', 't2']],
    ['SELECT a FROM t1 UNION ALL SELECT b, c FROM t2', ['t1', 't2']],
    ['WITH w AS (SELECT a FROM t1), v (a, b) AS (SELECT 1, 2) SELECT * FROM w, v, t2', ['t1', 't2']],
    ['SELECT a FROM t1 LATERAL VIEW explode(xs) e AS x', ['t1']],
    ['SELECT a FROM t1, LATERAL (SELECT b FROM t2)', ['t1', 't2']],
    ['FROM t1 SELECT a, b', ['t1']],
    ['TABLE t1', ['t1']],
    ['SELECT u.address.city, EXTRACT(YEAR FROM u.address.since) FROM main.crm.users u', ['main.crm.users']],
    ['SELECT a FROM (FROM t1 SELECT a) x', ['t1']],
    ['SELECT a FROM t1 WHERE EXISTS (SELECT 1 FROM t2 WHERE t2.a = trim(BOTH FROM t1.a))', ['t1', 't2']],
  ])('%s', (query, found) => {
    expect(tables(query)).toEqual(found)
  })

  test.each([
    "SELECT 'x FROM t1' AS a",
    `SELECT "it's FROM t1" AS a`,
    String.raw`SELECT 'it\'s FROM t1' AS a`,
    '-- FROM t1\nSELECT 1 /* FROM t2 */',
    'SELECT a.b.c(1)',
    "SELECT * FROM range(10), read_files('/Volumes/a/b/c')",
    'SELECT * FROM delta.`/mnt/users`',
    'SELECT a IS DISTINCT FROM b, c',
  ])('names no table: %s', (query) => {
    expect(tables(query)).toEqual([])
  })

  test('words are those of the query, of either case, and not those of texts', () => {
    const { words } = namesIn("SELECT Upper(`E-Mail`) AS mail FROM u WHERE kind = 'private'")
    expect([...words]).toEqual(['select', 'upper', 'e-mail', 'as', 'mail', 'from', 'u', 'where', 'kind'])
  })
})
