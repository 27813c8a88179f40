import type { FakeIterableOptions } from 'lakeloop/testing'
import { afterEach } from 'vitest'
import { Stage } from './stage.js'

const stages: Stage[] = []
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close()
})

/** A stage that the test does not have to close. */
export async function opened(options: Partial<FakeIterableOptions> = {}): Promise<Stage> {
  const stage = await Stage.open({ apiKey: 'fake-key', email: 'ada@example.com', value: 'gold' }, options)
  stages.push(stage)
  return stage
}
