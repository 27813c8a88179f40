import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { PageWork, Pending } from '../../src/sync/page.js'
import type * as windows from '../../src/sync/window.js'
import { history } from './simulation/script.js'
import { simulate } from './simulation/simulate.js'

type Bug = 'cursor = the furthest page that was answered' | 'cursor moves when a page is dispatched' | 'none'

/** What is planted, by a subclass in the place of the real window. */
const planted = vi.hoisted(() => ({ bug: 'none' as string }))

vi.mock('../../src/sync/window.js', async (original) => {
  const { Window } = await original<typeof windows>()
  return {
    Window: class extends Window {
      override open(page: PageWork): void {
        super.open(page)
        if (planted.bug === 'cursor moves when a page is dispatched') this.amend({ cursor: page.page.cursor })
      }

      override async settle(pending: Parameters<windows.Window['settle']>[0]): Promise<void> {
        await super.settle(pending)
        if (planted.bug !== 'cursor = the furthest page that was answered') return
        const answered = pending
          .map(([{ page }]: readonly [Pending, unknown]) => page)
          .filter((page) => page.waiting === 0)
        const cursor = answered.at(-1)?.page.cursor
        if (cursor === undefined) return
        this.amend({ cursor })
        await this.save()
      }
    },
  }
})

/** Plays histories with the bug until one shows it. */
async function find(bug: Bug, numRuns: number) {
  planted.bug = bug
  const property = fc.asyncProperty(fc.scheduler(), history, simulate)
  return await fc.check(property, { numRuns, seed: 8, endOnFailure: true })
}

describe('the simulation finds a bug that is planted in the window', () => {
  test.each(['cursor = the furthest page that was answered', 'cursor moves when a page is dispatched'] as const)(
    '%s [I3]',
    async (bug) => {
      const { failed, errorInstance, counterexamplePath, seed } = await find(bug, 200)
      expect({ failed, seed }).toEqual({ failed: true, seed: 8 })
      expect(String(errorInstance)).toMatch(/\[I3\] in run \d+: the cursor stands at \d+, and .* is open/)
      expect(counterexamplePath).toMatch(/^\d+/) // with the seed, the way to play it again
    },
    120_000,
  )

  test('and finds nothing where none is planted', async () => {
    expect(await find('none', 40)).toMatchObject({ failed: false })
  }, 120_000)
})
