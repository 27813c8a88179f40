import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { FakeIterable } from 'lakeloop/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { chosenOne, closeConfig, loadConfig } from '../../src/cli/config.js'
import { problemOf } from '../../src/cli/failure.js'
import { isLakeloopError } from '../../src/errors.js'

const ROOT = join(import.meta.dirname, '../..')
const CANARY = 'canary-7d1f-secret'
const fake = new FakeIterable({ projectType: 'email', apiKey: CANARY, fields: { score: 'double' }, rates: 'off' })
let folder: string
let door: Awaited<ReturnType<FakeIterable['listen']>>
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lakeloop-config-'))
  door = await fake.listen()
})
afterAll(async () => {
  await door.close()
  rmSync(folder, { recursive: true })
})

/** A folder of its own with these files. */
function project(files: Readonly<Record<string, string>>): string {
  const own = mkdtempSync(join(folder, 'project-'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(own, name), content)
  return own
}

/** What looks like a sync, for what only looks at that. */
const LIKE = 'const like = (name) => ({ name, run() {}, plan() {}, history() {}, close() {} })\n'

describe('the config', () => {
  const named = async (files: Readonly<Record<string, string>>, file?: string) => [
    ...(await loadConfig(project(files), file)).syncs.keys(),
  ]

  test.each([
    ['an array', "export default [like('a'), like('b')]", ['a', 'b']],
    ['an object', "export default { one: like('a'), two: like('b') }", ['a', 'b']],
    ['one sync', "export default like('a')", ['a']],
    ['a function', "export default () => [like('a')]", ['a']],
    ['a function that waits', "export default async () => ({ x: like('a') })", ['a']],
    ['a promise', "export default Promise.resolve([like('a')])", ['a']],
  ])('exports its syncs as %s', async (_what, code, names) => {
    expect(await named({ 'lakeloop.config.mjs': LIKE + code })).toEqual(names)
  })

  test('is the first of .ts, .js and .mjs in the folder, or the one that is named', async () => {
    const files = {
      'lakeloop.config.mjs': `${LIKE}export default [like('mjs')]`,
      'other.mjs': `${LIKE}export default [like('other')]`,
      'package.json': '{"type":"module"}',
    }
    expect(await named(files)).toEqual(['mjs'])
    expect(await named({ ...files, 'lakeloop.config.js': `${LIKE}export default [like('js')]` })).toEqual(['js'])
    expect(await named(files, 'other.mjs')).toEqual(['other'])
  })

  test.each([
    ['CONFIG_MISSING', 'lakeloop.config.ts, lakeloop.config.js, lakeloop.config.mjs', undefined],
    ['CONFIG_INVALID', 'has no default export with syncs', 'export const syncs = []'],
    ['CONFIG_INVALID', 'exports no sync', 'export default []'],
    ['CONFIG_INVALID', 'at place 2 that was not made by new Sync(...)', "export default [like('a'), { name: 'b' }]"],
    ['CONFIG_INVALID', 'two syncs of the name a', "export default { x: like('a'), y: like('a') }"],
    ['CONFIG_FAILED', 'threw Error: set X (lakeloop.config.mjs:2:', "throw new Error('set X')"],
    ['CONFIG_FAILED', 'threw something that is no Error', "throw 'x'"],
  ])('is refused with %s: %s', async (code, problem, content) => {
    const files: Record<string, string> = content === undefined ? {} : { 'lakeloop.config.mjs': LIKE + content }
    const refused = await loadConfig(project(files), undefined).catch((error: unknown) => error)
    expect(isLakeloopError(refused, code as never) && refused.message).toContain(problem)
  })

  test('of the example gives its sync, and says what it wants of the environment', async () => {
    const names = ['DATABRICKS_HOST', 'DATABRICKS_HTTP_PATH', 'DATABRICKS_CLIENT_ID', 'DATABRICKS_CLIENT_SECRET']
    const example = join(ROOT, 'examples/config')
    await expect(loadConfig(example, undefined)).rejects.toThrow('threw Error: set DATABRICKS_HOST')
    const values = ['dbc-1.cloud.databricks.com', '/sql/1.0/warehouses/w', 'app-1', 'a secret']
    for (const [at, name] of names.entries()) vi.stubEnv(name, values[at])
    vi.resetModules() // what failed is not run again
    const config = await loadConfig(example, undefined).finally(() => vi.unstubAllEnvs())
    expect([...config.syncs.keys()]).toEqual(['churn-scores'])
    await closeConfig(config)
  })

  test('one of several syncs has to be named', async () => {
    const config = await loadConfig(
      project({ 'lakeloop.config.mjs': `${LIKE}export default [like('a'), like('b')]` }),
      undefined,
    )
    expect(chosenOne(config, 'b').name).toBe('b')
    expect(() => chosenOne(config, undefined)).toThrow('which sync is meant has to be said, by --sync NAME: a, b')
    expect(() => chosenOne(config, 'x')).toThrow('there is no sync x')
  })

  test('what its code throws is told without the values of the environment [I7]', () => {
    const env = { ITERABLE_API_KEY: CANARY, SHORT: 'abc' }
    const told = (error: unknown) => problemOf(error, '/x/lakeloop.config.ts', 'lakeloop.config.ts', env)
    expect(told(new Error(`no ${CANARY} and abc`))).toBe('threw Error: no $ITERABLE_API_KEY and abc')
    const parse = () => {
      try {
        return JSON.parse(CANARY)
      } catch (error) {
        return error
      }
    }
    expect(told(parse())).toBe('threw SyntaxError: a text is no JSON')
    expect(told(CANARY)).toBe('threw something that is no Error')
  })
})

/** A sync whose rows come one page every 50 ms, without end where `endless` is set. */
const CONFIG = `
import { IdentityResolver, IterableDestination, ListDeltaComputer, MemoryStore, RowsSource, Sync, Transform } from ${JSON.stringify(pathToFileURL(join(ROOT, 'src/index.ts')).href)}

const secret: string = process.env.ITERABLE_API_KEY ?? ''
if (secret === '') throw new Error('set ITERABLE_API_KEY')
const store = new MemoryStore()
async function* rows(): AsyncGenerator<{ email: string; score: number }> {
  for (let n = 0; n < 3 || process.env.ENDLESS === '1'; n += 1) {
    yield { email: \`p\${n}@example.com\`, score: n }
    if (n > 2) await new Promise((next) => setTimeout(next, 50))
  }
}
export default [
  new Sync({
    name: 'scores',
    source: new RowsSource({ name: 'scores', rows, key: ['email'] }),
    transform: Transform.map({ identifiers: { email: 'email' }, dataFields: { score: 'score' } }),
    identity: new IdentityResolver({ store, target: 'email', namespaces: {} }),
    lists: new ListDeltaComputer({ store }),
    destination: new IterableDestination({
      project: 'x', apiKey: secret, dataCenter: 'us', projectType: 'email', baseUrl: process.env.ITERABLE_URL,
    }),
    store,
    pageSize: 1,
  }),
]
`

function lakeloop(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const tsx = pathToFileURL(join(ROOT, 'node_modules/tsx/dist/loader.mjs')).href
  const own = { ...process.env, ITERABLE_API_KEY: CANARY, ITERABLE_URL: door.url, ...env }
  const child: ChildProcess = spawn(process.execPath, ['--import', tsx, join(ROOT, 'src/cli/main.ts'), ...args], {
    cwd,
    env: own,
  })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('no pipes')
  const ended = Promise.all([text(stdout), text(stderr), once(child, 'close')]).then(([out, err, [code]]) => ({
    out,
    err,
    code,
  }))
  return { child, stdout, stderr, ended }
}

const people = () => fake.ledger.entries.length

describe('lakeloop in a process of its own', () => {
  test('runs the syncs of a TypeScript config, says nothing of its secret, and ends by itself', async () => {
    const own = project({ 'lakeloop.config.ts': CONFIG })
    const { out, err, code } = await lakeloop(own, ['run', '--json']).ended
    expect([code, JSON.parse(out)]).toMatchObject([0, { sync: 'scores', status: 'complete', rows: { accepted: 3 } }])
    expect(out + err).not.toContain(CANARY)
  })

  test('says what the config threw, on one line, or as JSON, and ends with 1', async () => {
    const own = project({ 'lakeloop.config.ts': CONFIG })
    const plain = lakeloop(own, ['history'], { ITERABLE_API_KEY: '' }).ended
    const json = lakeloop(own, ['history', '--json'], { ITERABLE_API_KEY: '' }).ended
    expect(await plain).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^lakeloop: CONFIG_FAILED: the config lakeloop\.config\.ts threw Error: set ITERABLE_API_KEY \(lakeloop\.config\.ts:\d+:\d+\)\. .*\n$/,
      ),
    })
    const { code, out } = await json
    expect([code, JSON.parse(out)]).toMatchObject([1, { error: { code: 'CONFIG_FAILED' } }])
  })

  test('the first SIGTERM ends a run with grace', async () => {
    const own = project({ 'lakeloop.config.ts': CONFIG })
    const before = people()
    const { child, ended } = lakeloop(own, ['run', '--json'], { ENDLESS: '1' })
    while (people() < before + 4) await new Promise((next) => setTimeout(next, 20))
    child.kill('SIGTERM')
    const { out, err, code } = await ended
    const report = JSON.parse(out)
    expect([code, report]).toMatchObject([143, { status: 'cancelled', rows: { rejected: 0, unsettled: 0 } }])
    expect(err).toContain('the same again ends at once')
  })

  test('the second SIGINT ends it at once', async () => {
    const own = project({ 'lakeloop.config.ts': CONFIG })
    fake.faults.next('users/bulkUpdate', 'no answer')
    const { child, stderr, ended } = lakeloop(own, ['run', '--json'], { ENDLESS: '1' })
    while (fake.faults.hits['no answer'] !== 1) await new Promise((next) => setTimeout(next, 20))
    child.kill('SIGINT')
    await once(stderr, 'data')
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, out: '' })
  })
})
