import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { type Listed, listed } from '../../../scripts/build-packages.js'
import { type PackageSource, packageSource } from '../../../src/transform/packages/packages.js'
import { realmText, TestRealm } from './realm.js'

const sourceOf = async (name: string): Promise<PackageSource> => {
  const source = await packageSource(name)
  if (source === undefined) throw new Error(`${name} is not on the list`)
  return source
}

/** A package that was never on any list: exactly this expression. */
const made = (slug: string, exports: string, needs = '') => ({
  slug,
  source: `/*${needs}*/(()=>({kind:"cjs",exports:${exports}}))()`,
})

let realm: TestRealm
let list: readonly Listed[]
beforeAll(async () => {
  realm = await TestRealm.open()
  list = await listed()
})

describe('packageSource()', () => {
  test('gives the listed version, and text that SES does not refuse by its look', async () => {
    const { slug, version, source } = await sourceOf('marked')
    expect({ slug, version }).toEqual({ slug: 'marked', version: list.find(({ name }) => name === 'marked')?.version })
    expect(source).not.toMatch(/<!--|-->|(^|[^.])\b(import|eval)\s*\(/)
  })

  test.each(['left-pad', 'constructor', '__proto__', 'lodash/fp', ''])('knows no %j', async (name) => {
    expect(await packageSource(name)).toBeUndefined()
  })
})

describe('Packages', () => {
  test('evaluates what is asked for, once in a batch, and nothing else', () => {
    realm.give([made('good', '(console.log("started"),{})'), made('bad', '(()=>{throw new Error("started")})()')])
    expect(
      realm.run(`return require('good') === require('good') && names('good').default === require('good')`),
    ).toEqual({
      value: true,
      logs: [['log', 'started']],
    })
    expect(realm.run('return 1')).toEqual({ value: 1, logs: [] })
    expect(realm.run(`return require('bad')`)).toMatchObject({ thrown: 'Error: started' })
  })

  test.each(['fs', 'node:fs', 'good/part', '__proto__', 'toString'])('knows no %s', (slug) => {
    realm.give([made('good', '{}')])
    expect(realm.run(`return require('${slug}')`)).toMatchObject({
      thrown: `TypeError: there is no package ${slug} in the sandbox`,
    })
  })

  test('loads all of the list together within the memory of a child, twice over', async () => {
    const sources = await Promise.all(list.map(({ name }) => sourceOf(name)))
    const program = `
      const { constants, createContext, Script } = require('node:vm')
      const { realm, sources, body } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
      const context = createContext(constants.DONT_CONTEXTIFY, { microtaskMode: 'afterEvaluate' })
      new Script(realm).runInContext(context)
      const run = (call) => new Script('testRealm.' + call).runInContext(context)
      run('give(' + JSON.stringify(JSON.stringify(sources)) + ')')
      for (const batch of ['a', 'b']) {
        run('run(' + JSON.stringify(body) + ', "", 0)')
        console.log(run('said()'))
      }`
    const slugs = JSON.stringify(list.map(({ name }) => name))
    const body = `const all = ${slugs}.map((slug) => require(slug)); return all.filter((one) => Object(one) === one).length`
    const said = execFileSync(process.execPath, ['--max-old-space-size=64', '--max-semi-space-size=8', '-e', program], {
      input: JSON.stringify({ realm: await realmText(), sources, body }),
      encoding: 'utf8',
    })
    const answers = said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { value: number })
    expect(answers.map(({ value }) => value)).toEqual([list.length, list.length])
  })
})

describe('no state of a package survives its batch', () => {
  test.each([
    ['slugify', `require('slugify').extend({ '☢': 'radioactive' })`, `return require('slugify')('☢')`, ''],
    ['numeral', `require('numeral').defaultFormat('0.0')`, `return require('numeral')(1).format()`, '1'],
    [
      'handlebars',
      `require('handlebars').registerHelper('x', () => 1)`,
      `return 'x' in require('handlebars').helpers`,
      false,
    ],
    [
      'lodash',
      `require('lodash').chunk = 1; require('lodash').mine = 1`,
      `return [typeof require('lodash').chunk, 'mine' in require('lodash')]`,
      ['function', false],
    ],
    ['big.js', `require('big.js').DP = 1`, `return require('big.js').DP`, 20],
  ] as const)('%s', async (name, first, second, gives) => {
    realm.give([await sourceOf(name)])
    expect(realm.run(first)).not.toHaveProperty('thrown')
    expect(realm.run(second)).toMatchObject({ value: gives })
  })

  test('nor does what one sets on its global object, and no other package sees that', () => {
    const set = 'globalThis.mark = (globalThis.mark ?? 0) + 1'
    realm.give([made('one', `(${set},{mark:globalThis.mark})`), made('two', '{mark:typeof globalThis.mark}')])
    for (const _ of [1, 2]) {
      expect(realm.run(`return [require('one').mark, require('two').mark, typeof globalThis.mark]`)).toMatchObject({
        value: [1, 'undefined', 'undefined'],
      })
    }
  })
})

describe('what a package takes for the world follows from now and seed [I9]', () => {
  const IDS = `const { v4, v7 } = names('uuid'); return [v4(), v7(), names('nanoid').nanoid(), crypto()]`.replace(
    ', crypto()',
    '',
  )

  test('ids are the same for a seed, and others for another', async () => {
    realm.give([await sourceOf('uuid'), await sourceOf('nanoid')])
    const [first, again, other] = ['a', 'a', 'b'].map((seed) => realm.run(IDS, { seed, now: 1e12 }).value as string[])
    expect(again).toEqual(first)
    for (const [at, id] of first?.entries() ?? []) expect(other?.[at]).not.toBe(id)
    expect(first?.[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(first?.[1]?.replace('-', '').slice(0, 12)).toBe((1e12).toString(16).padStart(12, '0'))
  })

  test('randomUUID and getRandomValues are seeded too, and give what they should', () => {
    realm.give([
      made('ids', '{one:()=>crypto.randomUUID(),two:()=>[...crypto.getRandomValues(new Uint8Array(4))]}', 'bytes'),
    ])
    const take = (seed: string) =>
      realm.run(`const { one, two } = require('ids'); return [one(), two()]`, { seed }).value
    expect(take('a')).toEqual(take('a'))
    expect(take('a')).not.toEqual(take('b'))
    expect(take('a')).toMatchObject([expect.stringMatching(/^[0-9a-f-]{14}4[0-9a-f]{3}-[89ab]/), { length: 4 }])
  })

  test('what a package draws while it starts moves no number of the row', () => {
    realm.give([made('draws', '{drawn:[Math.random(),Math.random()],draw:()=>Math.random()}')])
    const plain = realm.run('return [Math.random(), Math.random()]', { seed: 'a' }).value as number[]
    expect(realm.run(`return [require('draws').draw(), Math.random()]`, { seed: 'a' }).value).toEqual(plain)
    const drawn = (seed: string) => realm.run(`return require('draws').drawn`, { seed }).value as number[]
    expect(drawn('a')).toEqual(drawn('b'))
    expect(new Set(drawn('a')).size).toBe(2)
  })

  test('the present is now, in every way to ask for it', async () => {
    realm.give([
      await sourceOf('dayjs'),
      await sourceOf('luxon'),
      await sourceOf('lodash'),
      made(
        'intl',
        '{now:new Intl.DateTimeFormat("en-GB",{dateStyle:"short",timeStyle:"medium"}).format(),parts:new Intl.DateTimeFormat().formatToParts()[4].value}',
      ),
    ])
    const now = Date.UTC(2001, 1, 3, 4, 5, 6)
    const body = `const { DateTime } = names('luxon')
      return [require('dayjs')().valueOf(), DateTime.now().toMillis(), require('lodash').now(), Date.now(), require('intl')]`
    expect(realm.run(body, { now })).toMatchObject({
      value: [now, now, now, now, { now: '03/02/2001, 04:05:06', parts: '2001' }],
    })
  })

  test('language and zone are not the machine’s', async ({ onTestFinished }) => {
    vi.stubEnv('TZ', 'Asia/Tokyo')
    onTestFinished(() => void vi.unstubAllEnvs())
    realm.give([
      await sourceOf('luxon'),
      made(
        'intl',
        '{of:["DateTimeFormat","NumberFormat","Collator"].map((name)=>{const{locale,timeZone}=new Intl[name]().resolvedOptions();return[locale,timeZone]})}',
      ),
    ])
    expect(realm.run(`return require('intl').of`).value).toEqual([
      ['en-US', 'UTC'],
      ['en-US', null],
      ['en-US', null],
    ])
    const body = `const { DateTime } = names('luxon')
      return DateTime.fromISO('2016-07-01T00:00:00Z').setZone('America/New_York').setLocale('de').toFormat('d. MMMM yyyy HH:mm')`
    expect(realm.run(body).value).toBe('30. Juni 2016 20:00')
  })
})
