SELECT * FROM (SELECT 1 AS row, to_json(PARSE_JSON('{"a":[1,2.5,"z"],"__proto__":null}')) AS v, '1 02:03:04.500000000' AS dt, '-1-2' AS ym, CAST(NULL AS STRING) AS nothing, '12:34:56.1234' AS t, 'ab' AS vc,
 NAMED_STRUCT('type', 1Y, 'size', CAST(NULL AS INT), 'indices', CAST(NULL AS ARRAY<INT>), 'values', ARRAY(0.1D, 0.9D)) AS vec
UNION ALL SELECT 2, '9007199254740993', NULL, NULL, NULL, NULL, NULL, NAMED_STRUCT('type', 0Y, 'size', 4, 'indices', ARRAY(0, 3), 'values', ARRAY(1.0D, 2.0D))) ORDER BY row
