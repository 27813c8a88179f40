import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anew } from '../../src/identity/anew.js'
import { recordRef, storedRecord } from '../../src/identity/evidence.js'
import type { IdentityResolver } from '../../src/identity/resolver.js'
import { compileRules } from '../../src/identity/rules.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Store } from '../../src/stores/store.js'
import { dump, stateOf } from './graph-state.js'
import { book, denials, resolverOf, rules, told } from './rule-books.js'

const numRuns = Number(process.env.LAW_RUNS ?? 60)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }
const law = { numRuns, ...seed }

async function linesOf(resolver: IdentityResolver): Promise<string[]> {
  const lines: string[] = []
  for await (const line of resolver.export()) lines.push(line)
  return lines
}

describe('a record', () => {
  test('that was kept under some rules and is read anew under others is as if those had been there', () => {
    fc.assert(
      fc.property(book, rules, rules, rules, (records, first, second, third) => {
        const [a, b, c] = [first, second, third].map(compileRules) as [Compiled, Compiled, Compiled]
        for (const record of records) {
          const ref = recordRef(record.source, record.key)
          const kept = storedRecord(a, record)
          expect(anew(a, ref, kept)).toEqual({ ref, versions: [kept] })
          const { versions } = anew(b, ref, kept)
          expect(versions).toEqual([storedRecord(b, record)])
          expect(anew(c, ref, versions[0] as typeof kept).versions).toEqual([storedRecord(c, record)])
        }
      }),
      law,
    )
  })

  const compiled = (namespaces: Record<string, object>) =>
    compileRules({ namespaces: { customer_id: { priority: 1, maxIdentifiers: 1 }, ...namespaces } as never })
  const shown = (...ids: [string, unknown][]): Evidence => ({
    source: 's',
    key: 'k',
    observedAt: null,
    ids: ids.map(([namespace, value]) => ({ namespace, value: value as string })),
  })
  const again = (before: Compiled, after: Compiled, record: Evidence) =>
    anew(after, ['s', 'k'], storedRecord(before, record)).versions[0]

  test('does not make a name of what was no text, or of the beginning of a longer one', () => {
    const [none, late] = [compiled({}), compiled({ late: { priority: 2 } })]
    for (const value of [7, null, undefined, true, {}]) {
      expect(again(none, late, shown(['late', value]))?.ids).toEqual([])
    }
    const long = 'y'.repeat(500) + 'z'.repeat(600)
    const cut = again(none, late, shown(['late', `${long}1`], ['late', 'short']))
    expect(cut?.ids).toEqual([['late', 'short']])
    expect(cut?.unusable).toEqual([['late', long.slice(0, 1_025), 'invalid']])
    expect(again(none, late, shown(['late', long.slice(0, 1_024)]))?.ids).toHaveLength(1)
    const padded = again(none, late, shown(['late', `${' '.repeat(1_020)}abcdefgh`]))
    expect(padded?.ids).toEqual([])
    // A name that is cut must not become that of a namespace.
    const name = 'n'.repeat(64)
    expect(again(none, compiled({ [name]: { priority: 2 } }), shown([`${name}more`, 'x']))?.ids).toEqual([])
  })

  test('keeps all texts that were one value, and those beyond its bound', () => {
    const [lower, exact] = [
      compiled({ device: { priority: 2, normalise: 'idLower' } }),
      compiled({ device: { priority: 2 } }),
    ]
    expect(again(lower, exact, shown(['device', 'Dev'], ['device', 'dev']))?.ids).toEqual([
      ['device', 'Dev'],
      ['device', 'dev'],
    ])
    const many = shown(...Array.from({ length: 120 }, (_, n): [string, string] => ['device', `D${n}`]))
    expect(again(lower, exact, many)).toEqual(storedRecord(exact, many))
  })
})
type Compiled = ReturnType<typeof compileRules>

describe('export() and import()', () => {
  test('[I5] make the same people, ids, conflicts and quarantine in an empty store, and again change nothing', async () => {
    await fc.assert(
      fc.asyncProperty(book, denials, rules, async (records, pairs, set) => {
        const [here, there] = [new MemoryStore(), new MemoryStore()]
        const lines = await linesOf(await told(here, set, records, pairs))
        const other = resolverOf(there, set)
        expect((await other.import(lines)).records).toBe(lines.length - 2)
        expect(await stateOf(there)).toEqual(await stateOf(here))
        const kept = await dump(there)
        expect(await other.import(lines)).toMatchObject({ records: 0, identifiers: 0, blocked: 0 })
        expect(await dump(there)).toEqual(kept)
        expect(await linesOf(other)).toEqual(lines)
      }),
      law,
    )
  })

  test('[I5] into a graph of other rules makes what those make of the evidence; from SQLite, and of an adopted generation', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lakeloop-transfer-'))
    let file = 0
    try {
      await fc.assert(
        fc.asyncProperty(book, denials, rules, rules, async (records, pairs, before, after) => {
          await using here = new SqliteStore({ path: join(folder, `${file++}.db`) })
          const old = await told(here, before, records, pairs)
          const [plain, fresh] = [new MemoryStore(), new MemoryStore()]
          await resolverOf(plain, after).import(await linesOf(old))
          await told(fresh, after, records, pairs)
          expect(await stateOf(plain)).toEqual(await stateOf(fresh))
          await (await old.preview(after)).adopt()
          const later = new MemoryStore()
          // Whoever still has the old rules can export, too.
          await resolverOf(later, after).import(await linesOf(old))
          expect(await stateOf(later)).toEqual(await stateOf(fresh))
        }),
        { ...law, numRuns: Math.max(4, Math.ceil(numRuns / 15)) },
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  const SET = { namespaces: { customer_id: { priority: 1, maxIdentifiers: 1 } } }
  const make = (store: Store = new MemoryStore()) => resolverOf(store, SET)
  const some = async (count = 3) => {
    const resolver = make()
    const records = Array.from({ length: count }, (_, n) => ({
      source: 'crm',
      key: `r${n}`,
      observedAt: null,
      ids: [
        { namespace: 'customer_id', value: `secret-${n}` },
        { namespace: 'email', value: `secret-${n}@example.com` },
      ],
    }))
    await resolver.observe(records)
    return resolver
  }

  test('write lines that begin with what they are, and end with how many', async () => {
    const resolver = await some()
    const lines = await linesOf(resolver)
    expect(lines.every((line) => line.endsWith('\n') && !line.slice(0, -1).includes('\n'))).toBe(true)
    expect(JSON.parse(lines[0] as string)).toEqual({
      ...{ format: 'lakeloop-identity', version: 1, graph: 'main', rulesHash: resolver.rulesHash },
    })
    expect(JSON.parse(lines[1] as string)).toEqual({
      ...{ ref: ['crm', 'r0'], at: null },
      ids: [
        ['customer_id', 'secret-0'],
        ['email', 'secret-0@example.com'],
      ],
    })
    expect(lines.at(-1)).toBe('{"records":3}\n')
    expect(await linesOf(make())).toHaveLength(2)
  })

  test.each<[string, number, (lines: string[]) => string[]]>([
    ['is no JSON', 3, (lines) => lines.with(2, '{"ref":["crm","secret')],
    ['is no header of an identity export', 1, (lines) => lines.slice(1)],
    ['is no header of an identity export', 1, (lines) => lines.with(0, '{"format":"secret","version":1}')],
    ['is no record', 2, (lines) => lines.with(1, '{"ref":["crm"],"at":null,"ids":[["email","secret"]]}')],
    ['is no record', 2, (lines) => lines.with(1, '{"ref":["crm","k"],"at":"secret","ids":[]}')],
    ['is no record', 2, (lines) => lines.with(1, '{"ref":["crm","k"],"at":null,"ids":[["email"]]}')],
    ['is no record', 2, (lines) => lines.with(1, '{"ref":["crm","a\\u0000"],"at":null,"ids":[]}')],
    ['is no record', 4, (lines) => lines.with(3, '"secret"')],
    ['is of no known kind', 2, (lines) => lines.with(1, '{"ref":["!secret","k"],"at":null,"ids":[]}')],
    ['is of no known kind', 2, (lines) => lines.with(1, '{"ref":["crm","k"],"at":null,"ids":[],"apart":true}')],
    ['is missing: the file is not whole', 5, (lines) => lines.slice(0, -1)],
    ['is missing: the file is not whole', 1, () => []],
    ['counts other records than came', 4, (lines) => lines.toSpliced(2, 1)],
    ['stands behind the end', 6, (lines) => [...lines, lines[1] as string]],
    ['is no text', 2, (lines) => lines.with(1, 7 as never)],
  ])('refuse a line that %s, with its number and without what stands in it', async (problem, line, spoil) => {
    const lines = spoil(await linesOf(await some()))
    const error = await make()
      .import(lines)
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'IDENTITY_IMPORT_INVALID', facts: { line, problem } })
    expect(String(error)).not.toContain('secret')
  })

  test('refuse a file of a newer version, and a graph of other rules', async () => {
    const lines = await linesOf(await some())
    const newer = [(lines[0] as string).replace('"version":1', '"version":2'), ...lines.slice(1)]
    await expect(make().import(newer)).rejects.toMatchObject({ code: 'IDENTITY_VERSION_NEWER' })
    const other = resolverOf((await some()).store, { ...SET, salt: 'other' })
    await expect(other.import(lines)).rejects.toMatchObject({ code: 'IDENTITY_RULES_CHANGED' })
    const closed = make()
    await closed.close()
    await expect(closed.import(lines)).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(linesOf(closed)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('take in what comes line by line, in commits that are bounded, and blank lines', async () => {
    const lines = await linesOf(await some(2_000))
    const memory = new MemoryStore()
    let most = 0
    const store: Store = {
      supports: memory.supports,
      get: (table, keys) => memory.get(table, keys),
      scan: (table, range) => memory.scan(table, range),
      close: async () => undefined,
      commit: async (ops) => {
        most = Math.max(most, ops.length)
        await memory.commit(ops)
      },
    }
    async function* slowly() {
      for (const line of lines) yield* [line.trim(), '']
    }
    expect(await make(store).import(slowly())).toMatchObject({ records: 2_000, identifiers: 4_000 })
    expect(most).toBeLessThan(4_500)
  })

  test('an export that rules are adopted under is no whole one, and says so', async () => {
    const resolver = await some(600)
    const lines = resolver.export()
    await lines.next()
    await lines.next()
    await (await resolver.preview({ ...SET, salt: 'other' })).adopt()
    const rest = async () => {
      for await (const _ of lines);
    }
    await expect(rest()).rejects.toMatchObject({ code: 'IDENTITY_RULES_CHANGED' })
  })
})
