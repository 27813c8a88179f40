import { once } from 'node:events'
import { createServer } from 'node:net'
import type { TestProject } from 'vitest/node'
import { type PostgresServer, startPostgres } from './server.js'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where a test asks for the one Postgres of the run; see shared.ts. */
    readonly postgresAt: number
  }
}

/** What is answered: where it is, or why there is none. */
export type Answer = { readonly url: string } | { readonly reason: string }

/**
 * Starts one Postgres for the whole run when the first test asks for it, so that a run without such a test has none;
 * POSTGRES_URL names another, of a version of yours, by its superuser.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let started: Promise<PostgresServer> | undefined
  const answer = async (): Promise<Answer> => {
    if (process.env.POSTGRES_URL !== undefined) return { url: process.env.POSTGRES_URL }
    started ??= startPostgres()
    return await started.then(
      ({ url }) => ({ url }),
      (error: Error) => ({ reason: error.message }),
    )
  }
  const door = createServer((socket) => {
    socket.on('error', () => undefined) // a test that has ended
    void answer().then((it) => socket.end(JSON.stringify(it)))
  }).listen(0, '127.0.0.1')
  await once(door, 'listening')
  project.provide('postgresAt', (door.address() as { port: number }).port)
  return async () => {
    door.close()
    await (await started?.catch(() => undefined))?.stop()
  }
}
