import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Statements } from './answer.js'
import { CERTIFICATE, KEY } from './certificate.js'
import { type Call, type Fault, Faults } from './faults.js'
import { Ledger } from './ledger.js'
import type { Files } from './operation.js'
import { HttpAnswer, Service } from './service.js'
import { answered, callOf } from './wire.js'

export interface FakeWarehouseOptions {
  readonly statements: Statements
  /** Tokens that are good. Default: `good-token`. */
  readonly tokens?: readonly string[]
  /** Default 20 minutes. */
  readonly idleMs?: number
  /** Of the eviction of idle results; ms. */
  readonly now?: () => number
}

const HTTP_PATH = '/sql/1.0/warehouses/fake'

/** A workspace whose Unity Catalog knows no table: this fake serves SQL. */
const NO_CATALOG = async (): Promise<Response> => new Response('{"error_code":"TABLE_DOES_NOT_EXIST"}', { status: 404 })

/**
 * A SQL warehouse in this process, as far as a reader of results sees one: the driver's own protocol over TLS, for the
 * driver as it is. It runs no SQL: a test says what each statement is answered with, and one that nobody foresaw fails it.
 *
 * Source  @databricks/sql 2.1.0, thrift/TCLIService_types and dist/thrift-backend; what a real warehouse adds is unknown here.
 */
export class FakeWarehouse {
  readonly faults = new Faults()
  readonly seen = new Ledger()
  readonly tokens: Set<string>
  readonly #service: Service
  readonly #files: Files = new Map()
  readonly #crashes: unknown[] = []
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  private constructor({
    statements,
    tokens = ['good-token'],
    idleMs = 20 * 60_000,
    now = () => 0,
  }: FakeWarehouseOptions) {
    this.tokens = new Set(tokens)
    const { faults, seen: ledger } = this
    this.#service = new Service({ statements, faults, ledger, files: this.#files, idleMs, now })
    this.#server = createServer({ key: KEY, cert: CERTIFICATE }, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined)
    })
  }

  static async open(options: FakeWarehouseOptions): Promise<FakeWarehouse> {
    const fake = new FakeWarehouse(options)
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve))
    fake.#service.origin = `https://127.0.0.1:${fake.#port}`
    return fake
  }

  /** Options of the source that lead here: public ones only. */
  get connection() {
    return {
      allowPrivateHost: true,
      host: '127.0.0.1',
      port: this.#port,
      httpPath: HTTP_PATH,
      customCaCert: CERTIFICATE,
      fetch: NO_CATALOG,
    } as const
  }

  /** All sessions and their statements are gone, as after a restart. */
  dropSessions(): void {
    this.#service.dropSessions()
  }

  /** Throws  an Error for statements that nobody foresaw, and for what broke in the fake itself. */
  async close(): Promise<void> {
    this.faults.release()
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
    if (this.#crashes.length > 0) throw this.#crashes[0]
    if (this.seen.unanswered.length > 0) throw new Error(`nobody foresaw: ${this.seen.unanswered.join('\n')}`)
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const { method = '', url = '', headers } = request
    const call = method === 'POST' && url === HTTP_PATH ? callOf(body) : undefined
    const name = call ?? (url.startsWith('/results/') ? 'download' : `${method} ${url}`)
    this.seen.requests.push({ call: name, userAgent: headers['user-agent'], authorization: headers.authorization })
    this.seen.changed()
    const fault = this.faults.take(name as Call)
    if (fault?.kind === 'http') return send(response, new HttpAnswer(fault.status, fault.headers))
    if (fault?.kind === 'reset' && fault.done === 'nothing') return reset(request)
    if (call === undefined) return this.#download(request, response, fault)
    const token = headers.authorization?.replace(/^Bearer /, '') ?? ''
    if (!this.tokens.has(token)) return send(response, new HttpAnswer(401))
    let http: HttpAnswer | undefined
    const handler = this.#service.handler(fault, (thrown) => {
      if (thrown instanceof HttpAnswer) http = thrown
      else this.#crashes.push(thrown)
    })
    const bytes = await answered(body, handler)
    this.seen.changed()
    if (http !== undefined) return send(response, http)
    response.setHeader('content-type', 'application/x-thrift')
    end(request, response, bytes, fault)
  }

  #download(request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): void {
    const file = this.#files.get(request.url ?? '')
    if (file === undefined) send(response, new HttpAnswer(404))
    else end(request, response, file, fault)
  }
}

function end(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array, fault: Fault | undefined): void {
  if (fault?.kind !== 'reset') response.end(bytes)
  else if (fault.done === 'all') reset(request)
  else {
    response.writeHead(200, { 'content-length': bytes.byteLength })
    response.write(bytes.subarray(0, bytes.byteLength / 2), () => reset(request))
  }
}

function send(response: ServerResponse, { status, headers }: HttpAnswer): void {
  response.writeHead(status, headers).end()
}

/** As a load balancer breaks a connection. */
const reset = ({ socket }: IncomingMessage): void => {
  socket.destroy()
}
