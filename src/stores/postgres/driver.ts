import { isLakeloopError, LakeloopError } from '../../errors.js'

/** The few calls that lakeloop makes of a pool of connections. A `Pool` of the package pg fits as it is. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
}

export interface PostgresClient {
  /** A text of several statements has an answer for each, as pg gives it, whatever its types say. */
  query(query: PostgresQuery): Promise<{ readonly rows: unknown[] }>
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  release(destroy?: boolean): void
}

export interface PostgresQuery {
  readonly text: string
  readonly values?: unknown[]
  /** The most that an answer is waited for, in ms; the server has its own bound, but it may be gone without a word. */
  readonly query_timeout?: number
}

/** Where a database is, and how to sign in. A function is asked at opening and again for the password of each connection. */
export type ConnectionString = string | (() => string | Promise<string>)

/** A pool of our own, which ends when all its connections are given back. */
export interface OwnPool extends PostgresPool {
  end(): Promise<void>
}

export interface PoolOptions {
  readonly max: number
  /** How long a free connection is waited for, or a new one. */
  readonly connectMs: number
}

interface PgClient {
  password: unknown
}
type PgClientClass = new (config: object) => PgClient
interface Pg {
  readonly Client: PgClientClass
  readonly Pool: new (config: object) => OwnPool & { on(event: 'error', listener: () => void): unknown }
}

/**
 * A pool of the package pg, an optional peer: loaded only here, and none of its types shows outside.
 *
 * pg fills what it is not told from the variables PGUSER, PGPASSWORD and so on, and from ~/.pgpass. A library does not
 * read its host's environment, so all of it is told, and the password is put where pg asks nobody else.
 *
 * Throws  PEER_MISSING; OPTION_INVALID for a string that names no user, host and database; what its function throws.
 */
export async function openPool(given: ConnectionString, { max, connectMs }: PoolOptions): Promise<OwnPool> {
  const module = (await import('pg').catch((cause: unknown) => {
    throw new LakeloopError('PEER_MISSING', { package: 'pg' }, cause)
  })) as unknown as { readonly default: Pg }
  const { Pool, Client } = module.default
  const ask = typeof given === 'string' ? () => given : given
  const { url } = signIn(await ask())
  class SignedIn extends Client {
    constructor(config: object) {
      super(config)
      this.password = async () => signIn(await ask()).password
    }
  }
  const told = { application_name: 'lakeloop', client_encoding: 'UTF8', sslnegotiation: 'postgres', ssl: false }
  const pool = new Pool({
    ...told,
    connectionString: url,
    Client: SignedIn,
    max,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    allowExitOnIdle: true,
  })
  pool.on('error', ignore)
  return pool
}

/** The connection string without its password, and with the port that is meant; what it says of TLS stays in it. */
export function signIn(text: string): { readonly url: string; readonly password: string } {
  try {
    const url = new URL(text)
    if (!/^postgres(ql)?:$/.test(url.protocol) || url.username === '' || url.host === '' || url.pathname.length < 2) {
      throw new TypeError('incomplete')
    }
    const password = url.searchParams.get('password') ?? decodeURIComponent(url.password)
    url.searchParams.delete('password')
    url.password = ''
    if (url.port === '') url.port = '5432'
    return { url: url.href, password }
  } catch {
    // What was thrown may quote the text, and with it the password.
    const problem = 'is not postgres://user:password@host/database'
    throw new LakeloopError('OPTION_INVALID', { part: 'PostgresStore', option: 'connectionString', problem })
  }
}

/**
 * Does `work` on a connection and gives it back; after an error that is not ours the connection is closed, which undoes
 * what it had begun.
 */
export async function withClient<Result>(
  pool: PostgresPool,
  work: (client: PostgresClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  client.on('error', ignore)
  let broken = true
  try {
    const result = await work(client)
    broken = false
    return result
  } catch (error) {
    if (isLakeloopError(error)) broken = false
    throw error
  } finally {
    client.removeListener('error', ignore)
    client.release(broken)
  }
}

/** A lost connection is told to whoever waits for its answer; the event besides would end the process. */
function ignore(): void {}
