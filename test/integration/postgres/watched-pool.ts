import type { PostgresClient, PostgresPool, PostgresQuery } from '../../../src/stores/postgres.js'

export type Answer = Promise<{ readonly rows: unknown[] }>

/**
 * A pool whose every statement goes through `each`: it may look, send, lose the answer, or never send. `drop` closes a
 * connection that is of no more use.
 */
export function watchedPool(
  pool: PostgresPool,
  each: (query: PostgresQuery, send: () => Answer) => Answer,
  drop: (close: () => void) => void = (close) => close(),
): PostgresPool {
  return {
    async connect() {
      const client = await pool.connect()
      const watched: PostgresClient = {
        query: (query) => each(query, () => client.query(query)),
        on: (event, listener) => client.on(event, listener),
        removeListener: (event, listener) => client.removeListener(event, listener),
        release: (destroy) => (destroy === true ? drop(() => client.release(true)) : client.release()),
      }
      return watched
    },
  }
}

/** What pg throws where the server is gone. */
export const lost = (): Error => new Error('Connection terminated unexpectedly')
