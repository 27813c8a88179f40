import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { homeIn } from '../../src/identity/holders.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Json } from '../../src/model/value.js'
import { MemoryStore } from '../../src/stores/memory.js'

/** Origin and licence: test/golden/identity/ORIGIN.md. */
const FILE = join(import.meta.dirname, '../golden/identity/scenarios.jsonl')

interface Scenario {
  readonly id: string
  readonly identifiers: readonly { readonly type: string; readonly priority: number; readonly max: number }[]
  readonly events: readonly {
    readonly source: string
    readonly key: string
    readonly observedAt: string
    readonly ids: readonly { readonly type: string; readonly value: string }[]
  }[]
  readonly sameProfile: Readonly<Record<string, string>>
  readonly apart: readonly (readonly [string, string])[]
}

const scenarios = existsSync(FILE)
  ? readFileSync(FILE, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Scenario)
  : []

test('docs/identity-measured.md has a row for each of them', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/identity-measured.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, id]) => id)
  for (const { id } of scenarios) expect(rows).toContain(id)
})

describe.skipIf(scenarios.length === 0)('outcomes that other products document', () => {
  test.each(scenarios)('$id', async (scenario) => {
    const store = new MemoryStore()
    const resolver = new IdentityResolver({
      store,
      target: 'email',
      // Segment keeps a contested email with the first profile; the others give it to the last.
      linkPreference: scenario.id === 'segment-priority-demotes-email' ? 'earliest' : 'most-recent',
      namespaces: Object.fromEntries(
        scenario.identifiers.map(({ type, priority, max }) => [
          type,
          { priority, maxIdentifiers: max, anchor: priority === 1 },
        ]),
      ),
    })
    await resolver.observe(
      scenario.events.map(({ ids, ...event }) => ({
        ...event,
        ids: ids.map(({ type, value }) => ({ namespace: type, value })),
      })),
    )
    const profileOf = async (name: string): Promise<string> => {
      const [, type, value] = /^([^:]+):(.*)$/.exec(name) as unknown as [string, string, string]
      const [row] = await store.get('identifier', [['main', type, value]])
      const home = homeIn(row as Json)
      expect(home, name).toBeTypeOf('string')
      return home as string
    }
    for (const [contested, owner] of Object.entries(scenario.sameProfile)) {
      expect(await profileOf(contested), `${contested} is with ${owner}`).toBe(await profileOf(owner))
    }
    for (const [one, other] of scenario.apart) {
      expect(await profileOf(one), `${one} is not ${other}`).not.toBe(await profileOf(other))
    }
  })
})
