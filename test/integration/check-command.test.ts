import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkCommand } from '../../src/cli/check-command.js'
import { UsageError } from '../../src/cli/usage.js'
import { rowTypes } from '../../src/transform/declared/row-types.js'
import { SANDBOX_TEXT } from '../../src/transform/declared/sandbox-text.js'

const ROOT = join(import.meta.dirname, '../..')
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lakeloop-check-test-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const ROW = rowTypes({
  columns: [
    { name: 'email', type: 'string', nullable: true },
    { name: 'score', type: 'int', nullable: false },
  ],
})
const TYPED = "/** @type {import('./churn.row').Transform} */\n"

/** A folder of its own with these files. */
function written(files: Readonly<Record<string, string>>): (name: string) => string {
  const own = mkdtempSync(join(folder, 'case-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(own, name, '..'), { recursive: true })
    writeFileSync(join(own, name), text)
  }
  return (name) => join(own, name)
}

/** What the command says of the program, without the folder. */
async function checked(files: Readonly<Record<string, string>>, file: string, ...options: string[]) {
  const at = written(files)
  const said: string[] = []
  const fine = await checkCommand([at(file), ...options], (line) => said.push(line))
  const own = [`${relative('', at(''))}/`, `${at('')}/`]
  return { fine, said: said.map((line) => own.reduce((text, part) => text.replaceAll(part, ''), line)) }
}

describe('lakeloop check', () => {
  test('says of a program without fault what it reads, and that no types were checked', async () => {
    const files = { 'churn.js': 'export default (row) => ({ email: row.email, dataFields: { s: row.score } })\n' }
    expect(await checked(files, 'churn.js')).toEqual({
      fine: true,
      said: ['churn.js: nothing wrong; it reads email, score; its types are not checked: there is no churn.row.d.ts'],
    })
  })

  test.each([
    ['churn.js', TYPED],
    ['churn.transform.js', TYPED],
    ['churn.transform.mjs', TYPED],
    ['churn.js', "/** @type {import('./churn.row.js').Transform} */ "],
  ])('checks the types of %s against the row types beside it', async (name, typed) => {
    const fine = { [name]: `${typed}export default (row) => ({ email: row.email })\n`, 'churn.row.d.ts': ROW }
    expect(await checked(fine, name)).toEqual({
      fine: true,
      said: [`${name}: nothing wrong; it reads email; its types agree with churn.row.d.ts`],
    })
    const wrong = { ...fine, [name]: `${typed}export default (row) => ({ email: row.score.length })\n` }
    const line = typed.includes('\n') ? 2 : 1
    const { said, fine: isFine } = await checked(wrong, name)
    expect([isFine, said]).toEqual([
      false,
      [
        expect.stringMatching(
          new RegExp(`^${name}:${line}:\\d+ TS2339 Property 'length' does not exist on type 'number'\\.$`),
        ),
      ],
    ])
  })

  test('names a column that is not there once, with the nearest, with and without types', async () => {
    const program = 'export default (row) => ({ email: row.emial })\n'
    const said =
      'ROW_COLUMN_UNKNOWN the rows have no column emial: perhaps email. Correct the name, or make the row types anew with sync.types({ file }).'
    const typed = await checked({ 'churn.js': TYPED + program, 'churn.row.d.ts': ROW }, 'churn.js')
    expect(typed).toEqual({ fine: false, said: [`churn.js:2:39 ${said}`] })
    const plain = await checked({ 'churn.js': program, 'churn.row.d.ts': ROW }, 'churn.js')
    expect(plain.said).toEqual([
      "churn.js:1:1 ROW_TYPES_UNUSED the program does not name its row types, so that its types cannot be checked. Add /** @type {import('./churn.row').Transform} */ and make it the type of the function.",
      `churn.js:1:39 ${said}`,
    ])
  })

  test('tells a program in the other form, and one of TypeScript, what to write', async () => {
    const send = { 'churn.js': 'async function send(payload) { return [] }\n', 'churn.row.d.ts': ROW }
    expect((await checked(send, 'churn.js')).said[0]).toContain("Add /** @type {import('./churn.row').Send} */ and")
    const script = { 'a/churn.ts': 'export default () => null\n', 'types/rows.d.ts': ROW }
    const at = written(script)
    const said: string[] = []
    await checkCommand([at('a/churn.ts'), '--row', at('types/rows.d.ts')], (line) => said.push(line))
    expect(said[0]).toContain("Add import type { Transform } from '../types/rows' and")
  })

  test('--batch is for a program that gets all rows at once', async () => {
    const typed = "/** @type {import('./churn.row').BatchTransform} */\n"
    const program = 'export default (rows) => rows.map((row) => ({ from: row, email: row.emial }))\n'
    const files = { 'churn.js': typed + program, 'churn.row.d.ts': ROW }
    expect((await checked(files, 'churn.js', '--batch')).said).toEqual([
      expect.stringMatching(/^churn\.js:2:69 ROW_COLUMN_UNKNOWN/),
    ])
    const plain = await checked({ ...files, 'churn.js': program.replace('emial', 'email') }, 'churn.js', '--batch')
    expect(plain.said).toEqual([expect.stringContaining("Add /** @type {import('./churn.row').BatchTransform} */ and")])
  })

  test('takes row types of another name', async () => {
    const files = {
      'churn.js': "/** @type {import('./types/rows').Transform} */\nexport default (row) => ({ emial: row.email })\n",
      'types/rows.d.ts': ROW,
    }
    const at = written(files)
    const said: string[] = []
    await checkCommand([relative('', at('churn.js')), '--row', relative('', at('types/rows.d.ts'))], (line) =>
      said.push(line),
    )
    expect(said).toEqual([expect.stringMatching(/churn\.js:2:\d+ TS\d+ .*'emial'/)])
    expect(said[0]?.startsWith(relative('', at('churn.js')))).toBe(true)
  })

  test.each<readonly [what: string, program: string, told: string]>([
    ['syntax', 'export default (row) => {\n  return [}\n', 'churn.js:2:11 TRANSFORM_SYNTAX'],
    ['forbidden syntax', 'export default (row) => eval("1")\n', 'churn.js:1:25 TRANSFORM_FORBIDDEN_SYNTAX'],
    ['no function', 'const a = 1\n', 'churn.js:1:1 TRANSFORM_NO_FUNCTION'],
    ...[
      'Intl',
      'WeakRef',
      'setTimeout',
      'process',
      'fetch',
      'Uint8Array',
      'SharedArrayBuffer',
      'Buffer',
      'URL',
      'document',
    ].map(
      (name) =>
        [
          name,
          `export default (row) => ({ dataFields: { a: ${name}.x } })\n`,
          'churn.js:1:45 TRANSFORM_ABSENT',
        ] as const,
    ),
  ])('finds what a run would find before its first row: %s', async (_what, program, told) => {
    const { fine, said } = await checked({ 'churn.js': program }, 'churn.js')
    expect([fine, said]).toEqual([false, [expect.stringMatching(new RegExp(`^${told} [^:]`))]])
  })

  test('tells of the first name that is not there as a run does, and of further ones as the compiler does', async () => {
    const program = `${TYPED}export default (row) => [{ email: process.pid }, { email: performance.now() }]\n`
    const { said } = await checked({ 'churn.js': program, 'churn.row.d.ts': ROW }, 'churn.js')
    expect(said[0]).toMatch(/^churn\.js:2:35 TRANSFORM_ABSENT process is not there in a transform/)
    expect(said.at(-1)).toMatch(/^churn\.js:2:71 TS2339 Property 'now' does not exist on type 'NotInTheSandbox'\.$/)
  })

  test('says what is wrong with the files it was given', async () => {
    expect((await checked({}, 'none.js')).said).toEqual([
      'none.js:1:1 TRANSFORM_UNREADABLE the transform none.js could not be read. Check the path and its permissions.',
    ])
    const files = { 'churn.js': 'export default () => null\n', 'churn.row.d.ts': 'export type Row = {}\n' }
    expect((await checked(files, 'churn.js')).said).toEqual([
      'churn.row.d.ts:1:1 ROW_TYPES_INVALID the row types churn.row.d.ts are not what sync.types() makes. Make them with sync.types({ file }).',
    ])
    const none = await checked(files, 'churn.js', '--row', 'none.d.ts')
    expect(none.said).toEqual([
      expect.stringContaining('none.d.ts:1:1 ROW_TYPES_INVALID the row types none.d.ts cannot be read'),
    ])
  })

  test('looks into the files that a program imports', async () => {
    const files = {
      'churn.js': `import { tier } from './tiers.js'\nimport names from './names.json'\n${TYPED}export default (row) => ({ email: row.email, dataFields: { tier: tier(row.email), gold: names.gold } })\n`,
      'tiers.js': '/** @param {number} score */\nexport const tier = (score) => (score > 1 ? 1 : 0)\n',
      'names.json': '{ "gold": "Gold" }\n',
      'churn.row.d.ts': ROW,
    }
    const { said } = await checked(files, 'churn.js')
    expect(said).toEqual([expect.stringMatching(/^churn\.js:4:\d+ TS2345 Argument of type 'string \| null'/)])
  })

  test('--root is the folder that a program may import files of', async () => {
    const files = {
      'a/churn.js': "import { one } from '../one.js'\nexport default () => ({ dataFields: { one } })\n",
      'one.js': 'export const one = 1\n',
    }
    const at = written(files)
    const said: string[] = []
    const say = (line: string) => said.push(line)
    expect(await checkCommand([at('a/churn.js')], say)).toBe(false)
    expect(await checkCommand([at('a/churn.js'), '--root', at('')], say)).toBe(true)
    expect(said[0]).toContain('TRANSFORM_IMPORT_UNRESOLVED')
  })

  test('says one line of a message of several, and one line of a name with several', async () => {
    const several = `${TYPED}export default (row) => [{ kind: 'event', eventName: row.score }]\n`
    const { said } = await checked({ 'churn.js': several, 'churn.row.d.ts': ROW }, 'churn.js')
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(/^churn\.js:2:\d+ TS2322 Type .*not assignable to type 'string'\.$/)
    const odd = `export default (row) => ({ email: row['a\\nb\\u2028'] })\n`
    const lines = (await checked({ 'churn.js': odd, 'churn.row.d.ts': ROW }, 'churn.js')).said
    expect(lines[1]).toContain('no column a b')
    expect(lines.join('')).not.toMatch(/[\n\u2028]/)
  })

  test('--json gives the same for machines', async () => {
    const program = `${TYPED}export default (row) => ({ email: row.emial })\n`
    const { fine, said } = await checked({ 'churn.js': program, 'churn.row.d.ts': ROW }, 'churn.js', '--json')
    expect([fine, said.length]).toEqual([false, 1])
    expect(JSON.parse(said[0] ?? '')).toEqual({
      file: 'churn.js',
      row: 'churn.row.d.ts',
      form: 'default',
      reads: [{ column: 'emial', at: 'churn.js:2:39' }],
      readsAll: false,
      problems: [
        {
          file: 'churn.js',
          line: 2,
          column: 39,
          code: 'ROW_COLUMN_UNKNOWN',
          message: expect.stringContaining('perhaps email'),
        },
      ],
    })
  })

  test('--sandbox prints what a program has', async () => {
    const said: string[] = []
    expect(await checkCommand(['--sandbox'], (line) => said.push(line))).toBe(true)
    expect(`${said.join('\n')}\n`).toBe(SANDBOX_TEXT)
  })

  test.each([[[]], [['a.js', 'b.js']], [['a.js', '--rows', 'x']], [['a.js', '--row']]])(
    '%j is a mistake',
    async (args) => {
      await expect(checkCommand(args, () => undefined)).rejects.toBeInstanceOf(UsageError)
    },
  )
})

/** A compiler that is not ours: what it says is `lines`. */
const compiler = (version: string, lines: readonly string[], exit: number) => ({
  'node_modules/typescript/package.json': JSON.stringify({ name: 'typescript', version, bin: { tsc: './bin/tsc' } }),
  'node_modules/typescript/bin/tsc': `console.log(${JSON.stringify(lines.join('\n'))}); process.exitCode = ${exit}\n`,
})

describe('the compiler', () => {
  const files = { 'churn.js': `${TYPED}export default () => null\n`, 'churn.row.d.ts': ROW }

  test.each([
    [
      '7.0.2',
      ['churn.js(2,3): error TS1: one', '  two', '    three', 'other.js(1,1): error TS2: b'],
      2,
      ['churn.js:2:3 TS1 one three', 'other.js:1:1 TS2 b'],
    ],
    [
      '5.0.4',
      ['error TS5023: Unknown compiler option'],
      1,
      [
        'churn.js:1:1 ROW_TYPES_UNCHECKED the types of churn.js could not be checked: error TS5023: Unknown compiler option. Run tsc by hand, or update typescript.',
      ],
    ],
    [
      '6.0.3',
      [],
      134,
      [
        'churn.js:1:1 ROW_TYPES_UNCHECKED the types of churn.js could not be checked: tsc ended with 134. Run tsc by hand, or update typescript.',
      ],
    ],
    [
      '4.9.5',
      [],
      0,
      ['churn.js:1:1 PEER_MISSING the package typescript@5 is not installed. Run: npm install typescript@5'],
    ],
  ] as const)('of the project is run, whichever it is: %s', async (version, lines, exit, told) => {
    const { said } = await checked({ ...files, ...compiler(version, lines, exit) }, 'churn.js')
    expect([...said].sort()).toEqual([...told].sort())
  })

  const lakeloop = (cwd: string, ...args: string[]) =>
    new Promise<{ code: unknown; stdout: string; stderr: string }>((done) => {
      const tsx = pathToFileURL(join(ROOT, 'node_modules/tsx/dist/loader.mjs')).href
      const main = join(ROOT, 'src/cli/main.ts')
      execFile(process.execPath, ['--import', tsx, main, 'check', ...args], { cwd }, (error, stdout, stderr) => {
        done({ code: error === null ? 0 : error.code, stdout, stderr })
      })
    })

  test('that is not there is asked for, behind what was found without it; the command ends with 1', async () => {
    const program = `${TYPED}export default (row) => ({ email: row.emial })\n`
    const at = written({ ...files, 'churn.js': program })
    const { code, stdout } = await lakeloop(at(''), 'churn.js')
    expect([code, stdout.split('\n').map((line) => line.split(' ')[1])]).toEqual([
      1,
      ['PEER_MISSING', 'ROW_COLUMN_UNKNOWN', undefined],
    ])
    expect(stdout).toContain('the package typescript is not installed. Run: npm install typescript')
  })

  test('the command ends with 0 if nothing is wrong, and with 2 and how it is called after a mistake', async () => {
    const at = written(files)
    expect(await lakeloop(ROOT, at('churn.js'))).toMatchObject({ code: 0, stderr: '' })
    expect(await lakeloop(ROOT)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('lakeloop check FILE [options]'),
    })
  })
})
