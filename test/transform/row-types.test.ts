import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import type { Column } from '../../src/model/row.js'
import { quoteField } from '../../src/model/spark-type.js'
import { DuckDbSource } from '../../src/sources/duckdb.js'
import { columnsIn, rowTypes } from '../../src/transform/declared/row-types.js'
import { problemsIn } from './compiled.js'

const ROOT = join(import.meta.dirname, '../..')
const column = (name: string, type: string, nullable = true): Column => ({ name, type, nullable })

/** By type: expressions that are values of it, by docs/values.md, and others that are none. NULL is told apart further down. */
const VALUES: readonly (readonly [type: string, good: readonly string[], bad: readonly string[]])[] = [
  ['boolean', ['true'], ['0', '"true"']],
  ['string', ['"a"'], ['1', '["a"]']],
  ['char(3)', ['"abc"'], ['1']],
  ['varchar(10)', ['"abc"'], ['1']],
  ...['tinyint', 'smallint', 'int', 'bigint', 'byte', 'short', 'integer', 'long'].map(
    (type) => [type, ['1'], ['"1"', '1n', 'undefined']] as const,
  ),
  ...['float', 'double', 'real'].map((type) => [type, ['0.5', 'undefined'], ['"0.5"', 'false']] as const),
  ['decimal(15,2)', ['1.25'], ['"1.25"']],
  ['decimal', ['1'], ['"1"']],
  ['decimal(16,2)', ['"1.25"'], ['1.25']],
  ['decimal(38,10)', ['"1.25"'], ['1.25']],
  ['decimal(20,0)', ['1', '"1"'], ['true']],
  ['decimal(38,0)', ['1', '"1"'], ['true']],
  ['date', ['"2026-03-15"'], ['20260315', 'new Date()']],
  ['timestamp', ['"2026-03-15T09:00:00.000000Z"'], ['0', 'new Date()']],
  ['timestamp_ntz', ['"2026-03-15T09:00:00.000000"'], ['0', 'new Date()']],
  ['time(6)', ['"09:00:00"'], ['9']],
  ['interval', ['"1 day"'], ['1']],
  ['interval day to second', ['"1 02:03:04.500000000"'], ['1']],
  ['binary', ['"AP8="'], ['[0, 255]', 'true']],
  ['void', ['null'], ['1', 'undefined']],
  ['variant', ['1', '{ a: ["b", null] }', 'null'], ['undefined', '1n', 'new Date()']],
  ['array<string>', ['["a", null]', '[]'], ['"a"', '[1]', '{}']],
  ['array<double>', ['[1, null]'], ['[undefined]']],
  ['map<string,double>', ['{ a: 1, b: null }', '{}'], ['[{ key: "a", value: 1 }]', '{ a: "1" }']],
  ['map<varchar(9),int>', ['{ a: 1 }'], ['[]']],
  [
    'map<int,string>',
    ['[{ key: 1, value: "one" }, { key: 2, value: null }]'],
    ['{ 1: "one" }', '[{ key: "1", value: "" }]', '[{ value: "" }]'],
  ],
  ['map<double,double>', ['[{ key: 1, value: 1 }, {}, { key: null }]'], ['[{ key: "1" }]']],
  [
    'struct<a:int,`b c`:array<decimal(20,2)>>',
    ['{ a: 1, "b c": ["1.50"] }', '{ a: null, "b c": null }'],
    ['{ a: 1 }', '{ a: 1, "b c": [1.5] }', '{ a: 1, "b c": null, d: 1 }'],
  ],
  ['struct<a:double>', ['{}', '{ a: null }'], ['{ a: "1" }']],
  ['struct<a:struct<b:struct<c:date>>>', ['{ a: { b: { c: "2026-03-15" } } }'], ['{ a: { b: { c: 1 } } }']],
  ['struct<a:int not null comment \'x, "y"\',b:string>', ['{ a: 1, b: "" }'], ['{ a: "", b: "" }']],
  ['struct<>', ['{}'], ['{ a: 1 }', '1']],
  [
    'struct<type:tinyint,size:int,indices:array<int>,values:array<double>>',
    ['{ type: 1, size: null, indices: null, values: [0.5] }', '{ type: 0, size: 9, indices: [3], values: [0.5] }'],
    ['[0.5]', '{ type: 2, size: null, indices: null, values: [0.5] }'],
  ],
  ...[
    'geometry(4326)',
    'object',
    'array',
    'map<int>',
    'struct<a',
    'constructor',
    '__proto__',
    '',
    'array<'.repeat(300),
  ].map((type) => [type, ['1', '"a"', 'null', '{ a: [1] }'], ['undefined', '1n', '() => 1']] as const),
]

describe('rowTypes()', () => {
  test('takes the values that docs/values.md promises, and no others', () => {
    const page = rowTypes({ columns: VALUES.map(([type], n) => column(`c${n}`, type, false)) })
    const lines = VALUES.flatMap(([type, good, bad], n) =>
      [...good, ...bad].map((text, at) => ({
        what: `${type.slice(0, 40)} <- ${text}`,
        isBad: !good.includes(text),
        line: `export const v${n}_${at}: Row['c${n}'] = ${text}`,
      })),
    )
    const program = ["import type { Row } from './a.row'", ...lines.map(({ line }) => line)].join('\n')
    const found = problemsIn({ 'a.row.d.ts': page, 'a.ts': program }, { skipLibCheck: false })
    const wrong = new Set(found.map((problem) => Number(/^a\.ts:(\d+) /.exec(problem)?.[1]) - 2))
    expect(lines.filter((_, at) => wrong.has(at)).map(({ what }) => what)).toEqual(
      lines.filter(({ isBad }) => isBad).map(({ what }) => what),
    )
  })

  test('has null where a column is nullable, in what is nested always, and nowhere else', () => {
    const page = rowTypes({
      columns: [column('a', 'int'), column('b', 'int', false), column('s', 'struct<x:int>', false)],
    })
    const rows = ['{ a: null, b: 1, s: { x: null } }', '{ a: 1, b: null, s: { x: 1 } }', '{ a: 1, b: 1, s: null }']
    const program = `import type { Row } from './a.row'\n${rows.map((row, n) => `export const r${n}: Row = ${row}`).join('\n')}`
    expect(problemsIn({ 'a.row.d.ts': page, 'a.ts': program }).map((problem) => problem.split(' ')[0])).toEqual([
      'a.ts:3',
      'a.ts:4',
    ])
  })

  test('takes rows that Spark wrote, as the reader of Arrow gives them', () => {
    const [types, ...rows] = readFileSync(join(ROOT, 'test/golden/databricks/types.json'), 'utf8').trimEnd().split('\n')
    const columns = Object.entries(JSON.parse(types ?? '') as Record<string, string>).map(([name, type]) =>
      column(name, type),
    )
    const shown = rows.filter((row) => !row.includes('"9007199254740993"')) // that row is refused, and its dead letter shows digits
    expect(shown).toHaveLength(3)
    const program = `import type { Row } from './a.row'\nexport const rows: Row[] = [\n${shown.join(',\n')}\n]`
    expect(problemsIn({ 'a.row.d.ts': rowTypes({ columns }), 'a.ts': program })).toEqual([])
  })

  test('takes rows that DuckDB gives, of every type', async () => {
    const values = [
      [
        'true',
        "'a'",
        '1::TINYINT',
        '1::BIGINT',
        '1::UBIGINT',
        '1::HUGEINT',
        '1.5::FLOAT',
        "'nan'::DOUBLE",
        '1.25::DECIMAL(8,2)',
      ],
      [
        '1.25::DECIMAL(20,2)',
        "DATE '2026-03-15'",
        "TIMESTAMP '2026-03-15 09:00:00'",
        "TIMESTAMPTZ '2026-03-15 09:00:00+00'",
      ],
      [
        "TIME '09:00:00'",
        "INTERVAL '1 day'",
        "'\\x00\\xFF'::BLOB",
        'uuid()',
        '\'{"a": [1, null]}\'::JSON',
        '[1, NULL]',
        '[1.5::DOUBLE]',
      ],
      ["{'a': 1, 'b c': ['x']}", "MAP {'a': 1.5::DOUBLE}", "MAP {1: 'one'}", "MAP {'nan'::DOUBLE: 1}", 'NULL::INT'],
    ].flat()
    const source = new DuckDbSource({
      name: 'types',
      query: `SELECT ${values.map((sql, n) => `${sql} AS c${n}`).join(', ')}`,
    })
    const signal = new AbortController().signal
    const schema = await source.describe(signal)
    for await (const page of source.read({ signal })) {
      const program = `import type { Row } from './a.row'\nexport const row: Row = ${JSON.stringify(page.rows.at(0))}`
      expect(problemsIn({ 'a.row.d.ts': rowTypes(schema), 'a.ts': program })).toEqual([])
    }
    await source.close()
    expect.assertions(1)
  })

  test('says the type and the form of each column in a comment', () => {
    const page = rowTypes({ columns: [column('a', 'decimal(20,2)'), column('b', 'timestamp')] })
    expect(page).toContain('  /** decimal(20,2): its digits */\n  readonly a: string | null\n')
    expect(page).toContain('  /** timestamp: ISO 8601 in UTC, to the microsecond */\n  readonly b: string | null\n')
  })

  test('gives the last of two columns of one name', () => {
    expect(rowTypes({ columns: [column('a', 'int'), column('b', 'int'), column('a', 'string')] })).toBe(
      rowTypes({ columns: [column('a', 'string'), column('b', 'int')] }),
    )
  })

  test('an editor completes the columns behind `row.`, with the type of Spark', () => {
    const program = "/** @type {import('./a.row').Transform} */\nexport default (row) => ({ email: row. })\n"
    const files: Record<string, string> = {
      '/a.row.d.ts': rowTypes({ columns: [column('user_id', 'string'), column('score', 'double')] }),
      '/a.js': program,
    }
    const service = ts.createLanguageService({
      getCompilationSettings: () => ({
        allowJs: true,
        checkJs: true,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        module: ts.ModuleKind.ESNext,
      }),
      getScriptFileNames: () => Object.keys(files),
      getScriptVersion: () => '1',
      getScriptSnapshot: (name) => {
        const text = files[name] ?? ts.sys.readFile(name)
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
      },
      getCurrentDirectory: () => '/',
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: (name) => name in files || ts.sys.fileExists(name),
      readFile: (name) => files[name] ?? ts.sys.readFile(name),
    })
    const at = program.indexOf('row. }') + 4
    const offered = service.getCompletionsAtPosition('/a.js', at, {})?.entries.map(({ name }) => name)
    expect(offered).toEqual(['score', 'user_id'])
    const { documentation } =
      service.getCompletionEntryDetails('/a.js', at, 'score', undefined, undefined, undefined, undefined) ?? {}
    expect(ts.displayPartsToString(documentation)).toBe('double: NaN and infinities are left out')
  })
})

const ODD = [
  '*/ evil',
  '"',
  "'",
  '`',
  '\\',
  '\n',
  '\r\n',
  '\u2028',
  '\u2029',
  '\u202e',
  '\ud800',
  '😀',
  'é',
  '__proto__',
  'constructor',
  'readonly a: 1',
  '}',
  '@deprecated',
  '{@link x}',
  '//',
  '/*',
  '$',
  '\u0000',
  '1',
  'a-b',
  'class',
  '<!--',
  '</script>',
]
const name = fc.oneof(
  fc.constantFrom(...ODD),
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.array(fc.constantFrom(...ODD), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
)
const { type } = fc.letrec<{ type: string }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(
      'int',
      'string',
      'double',
      'decimal(38,4)',
      'timestamp',
      'variant',
      'void',
      'interval day to second',
    ),
    tie('type').map((element) => `array<${element}>`),
    fc.tuple(tie('type'), tie('type')).map(([key, value]) => `map<${key},${value}>`),
    fc
      .array(fc.tuple(name, tie('type')), { maxLength: 3 })
      .map((fields) => `struct<${fields.map(([n, t]) => `${quoteField(n)}:${t}`).join(',')}>`),
    fc.string(), // what no source of ours says
  ),
}))
const columns = fc.uniqueArray(fc.record({ name, type, nullable: fc.boolean() }), {
  selector: (one) => one.name,
  maxLength: 6,
})

describe('rowTypes() of any schema', () => {
  test('has one member for each column, by its exact name, and nothing beside what every page has', () => {
    const shapeOf = (page: string) => {
      const { statements } = ts.createSourceFile('a.d.ts', page, ts.ScriptTarget.Latest, true)
      return statements.map((node) => `${node.kind} ${(node as unknown as ts.TypeAliasDeclaration).name?.text}`)
    }
    const plain = shapeOf(rowTypes({ columns: [] }))
    fc.assert(
      fc.property(columns, (made) => {
        const page = rowTypes({ columns: made })
        const file = ts.createSourceFile('a.d.ts', page, ts.ScriptTarget.Latest, true)
        expect((file as unknown as { parseDiagnostics: unknown[] }).parseDiagnostics).toEqual([])
        expect(shapeOf(page)).toEqual(plain)
        const row = file.statements.find(
          (node) => ts.isTypeAliasDeclaration(node) && node.name.text === 'Row',
        ) as ts.TypeAliasDeclaration
        const { members } = row.type as ts.TypeLiteralNode
        const names = members.map((member) => (member.name as ts.StringLiteral).text)
        expect(names).toEqual(made.map((one) => one.name))
        expect(members.filter((member) => ts.getJSDocTags(member).length > 0)).toEqual([])
        expect(columnsIn(page)).toEqual(names)
        const begin = page.indexOf('export type Row')
        const lines = page.slice(begin, page.indexOf('\n}\n', begin)).split('\n')
        expect(lines).toHaveLength(1 + 2 * made.length)
        for (const line of lines) expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u) // as it is seen, so it is read
        expect(rowTypes({ columns: made })).toBe(page)
      }),
      { numRuns: 300 },
    )
  })

  test('compiles, strictly', () => {
    const pages = fc.sample(columns, 60).map((made, n) => [`p${n}.row.d.ts`, rowTypes({ columns: made })] as const)
    expect(problemsIn(Object.fromEntries(pages), { skipLibCheck: false })).toEqual([])
  })
})

test('columnsIn() knows its own pages, whatever ends their lines, and no others', () => {
  const page = rowTypes({ columns: [column('a', 'struct<b:int>'), column('c d', 'int')] })
  expect(columnsIn(page.replaceAll('\n', '\r\n'))).toEqual(['a', 'c d'])
  expect(columnsIn(rowTypes({ columns: [] }))).toEqual([])
  expect(columnsIn('export type Row = {\n  readonly a: string\n}\n')).toBeUndefined()
  expect(columnsIn(page.slice(page.indexOf('\n')))).toBeUndefined()
  expect(columnsIn('')).toBeUndefined()
})
