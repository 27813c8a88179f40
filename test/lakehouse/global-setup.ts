import type { TestProject } from 'vitest/node'
import { type Lake, running, startEngine } from './engine.js'

declare module 'vitest' {
  export interface ProvidedContext {
    readonly lake: Lake
  }
}

/** The engine of the suite: the one that was started by hand, else one of its own. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const found = running()
  if (found !== undefined) {
    project.provide('lake', found)
    return undefined
  }
  const { port, token, clientId, clientSecret, ca, stop } = await startEngine()
  project.provide('lake', { port, token, clientId, clientSecret, ca })
  return stop
}
