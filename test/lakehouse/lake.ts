import { request } from 'node:https'
import { DBSQLClient, DBSQLParameter, type DBSQLParameterType } from '@databricks/sql'
import type { Row, RowBlock } from 'lakeloop'
import { inject } from 'vitest'
import type { DatabricksSourceOptions } from '../../src/sources/databricks/databricks-options.js'
import type { Page, Source } from '../../src/sources/source.js'
import type { Lake } from './engine.js'

export const HTTP_PATH = '/sql/1.0/warehouses/lake'

/** The part of a source's options that reaches the engine. */
export function lakeOptions(lake: Lake = inject('lake')) {
  const { port, token, ca } = lake
  return {
    host: 'localhost',
    port,
    allowPrivateHost: true,
    httpPath: HTTP_PATH,
    auth: { token },
    customCaCert: ca,
  } satisfies Partial<DatabricksSourceOptions>
}

/** Whoever makes the tables: the unmodified driver, with nothing of ours in between. */
export class Admin {
  readonly #lake: Lake
  readonly #client = new DBSQLClient({ logger: { log: () => undefined } })
  #session: ReturnType<DBSQLClient['openSession']> | undefined

  constructor(lake: Lake = inject('lake')) {
    this.#lake = lake
  }

  /** All rows of a statement, as the driver gives them; `parameters` are texts with a Spark type, by name. */
  async run(
    statement: string,
    parameters: Readonly<Record<string, { type: DBSQLParameterType; value: string }>> = {},
  ): Promise<Record<string, unknown>[]> {
    this.#session ??= this.#open()
    const session = await this.#session
    const namedParameters = Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [name, new DBSQLParameter(value)]),
    )
    const operation = await session.executeStatement(statement, { namedParameters })
    try {
      await operation.finished()
      return (await operation.fetchAll()) as Record<string, unknown>[]
    } finally {
      await operation.close()
    }
  }

  /** One after the other. */
  async runAll(...statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.run(statement)
  }

  /** A schema of `main` with this name and nothing in it. */
  async schema(name: string): Promise<string> {
    await this.runAll(`DROP SCHEMA IF EXISTS main.${name} CASCADE`, `CREATE SCHEMA main.${name}`)
    return `main.${name}`
  }

  /** What no warehouse has: see engine/lab.py. */
  lab(name: string, body: object = {}): Promise<unknown> {
    const { port, token, ca } = this.#lake
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const asked = request(
        { host: 'localhost', port, ca, method: 'POST', path: `/_lab/${name}`, headers },
        (answer) => {
          let text = ''
          answer.on('data', (part) => {
            text += part
          })
          answer.on('end', () => {
            if (answer.statusCode === 200) resolve(JSON.parse(text))
            else reject(new Error(`${name}: ${answer.statusCode} ${text}`))
          })
        },
      )
      asked.on('error', reject)
      asked.end(JSON.stringify(body))
    })
  }

  async close(): Promise<void> {
    await (await this.#session)?.close()
    await this.#client.close()
  }

  async #open() {
    const { port, token, ca } = this.#lake
    await this.#client.connect({
      host: 'localhost',
      port,
      path: HTTP_PATH,
      token,
      customCaCert: ca,
      telemetryEnabled: false,
      preserveBigNumericPrecision: true,
    })
    return await this.#client.openSession({ configuration: { TIMEZONE: 'UTC' } })
  }
}

export const rowsOf = (block: RowBlock): Row[] => Array.from({ length: block.length }, (_, index) => block.at(index))

/** Everything a read gives, and the cursor behind it. */
export async function readAll(
  source: Source,
  { after, pageSize }: { readonly after?: Page['cursor'] | undefined; readonly pageSize?: number } = {},
): Promise<{ readonly rows: Row[]; readonly pages: Page[]; readonly cursor: Page['cursor'] | undefined }> {
  const pages: Page[] = []
  const options = {
    signal: new AbortController().signal,
    ...(after ? { after } : {}),
    ...(pageSize ? { pageSize } : {}),
  }
  for await (const page of source.read(options)) pages.push(page)
  return { rows: pages.flatMap(({ rows }) => rowsOf(rows)), pages, cursor: pages.at(-1)?.cursor ?? after }
}
