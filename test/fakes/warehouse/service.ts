import { randomUUID } from 'node:crypto'
import type { Answer, Parameter, Refusal, Statements } from './answer.js'
import type { Fault, Faults } from './faults.js'
import type { Ledger, SeenSession, SeenStatement } from './ledger.js'
import { type Files, Operation } from './operation.js'
import { type Handler, types } from './wire.js'

/** An answer of HTTP instead of one of the protocol. */
export class HttpAnswer extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, headers: Readonly<Record<string, string>> = {}) {
    super(`HTTP ${status}`)
    this.status = status
    this.headers = headers
  }
}

/** What a handle names is not there, or not any more. */
class InvalidHandle extends Error {}

export interface ServiceOptions {
  readonly statements: Statements
  readonly faults: Faults
  readonly ledger: Ledger
  readonly files: Files
  /** How long a result may wait for the next fetch, in ms. Source: databricks-sql-python PR 785, 20 to 30 minutes. */
  readonly idleMs: number
  readonly now: () => number
}

// biome-ignore lint/suspicious/noExplicitAny: requests of the driver's protocol, which has no types of its own here
type Request = any

const OK = { statusCode: types.TStatusCode.SUCCESS_STATUS }

/** The calls of a warehouse. Strict: a handle that is closed or was never given is refused. */
export class Service {
  readonly #options: ServiceOptions
  readonly #sessions = new Map<string, SeenSession>()
  readonly #operations = new Map<string, Operation>()
  origin = ''

  constructor(options: ServiceOptions) {
    this.#options = options
  }

  /** All sessions and their statements are gone, as after a restart of the warehouse. */
  dropSessions(): void {
    for (const session of this.#sessions.values()) session.closed = true
    for (const operation of this.#operations.values()) operation.end('evicted')
    this.#sessions.clear()
    this.#operations.clear()
  }

  /** The calls, of which the one that comes in now meets the fault. `thrown` is told of what is no answer. */
  handler(fault: Fault | undefined, thrown: (error: unknown) => void): Handler {
    const one = (work: (request: Request) => object | Promise<object>) => async (request: Request) => {
      try {
        if (fault?.kind === 'status') return { status: errorStatus(fault.text) }
        return await work(request)
      } catch (error) {
        if (!(error instanceof InvalidHandle)) {
          thrown(error)
          throw error
        }
        return { status: { ...errorStatus(error.message), statusCode: types.TStatusCode.INVALID_HANDLE_STATUS } }
      }
    }
    return {
      OpenSession: one((request) => this.#openSession(request, fault)),
      CloseSession: one((request) => this.#closeSession(request)),
      ExecuteStatement: one((request) => this.#execute(request, fault)),
      GetOperationStatus: one((request) => this.#operation(request).status()),
      GetResultSetMetadata: one((request) => this.#operation(request).metadata()),
      FetchResults: one((request) => this.#fetch(request, fault)),
      CancelOperation: one((request) => this.#end(request, 'cancelled')),
      CloseOperation: one((request) => this.#end(request, 'closed')),
    }
  }

  async #openSession({ configuration }: Request, fault: Fault | undefined): Promise<object> {
    if (fault?.kind === 'stall') await this.#options.faults.released()
    const id = randomUUID()
    const session = { id, configuration: configuration ?? {}, closed: false }
    this.#sessions.set(id, session)
    this.#options.ledger.sessions.push(session)
    const serverProtocolVersion = types.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8
    return { status: OK, serverProtocolVersion, sessionHandle: { sessionId: identifier(id) } }
  }

  #session({ sessionHandle }: Request): SeenSession {
    const id = idOf(sessionHandle.sessionId)
    const session = this.#sessions.get(id)
    if (session === undefined) throw new InvalidHandle(`Invalid SessionHandle: SessionHandle [${id}]`)
    return session
  }

  #closeSession(request: Request): object {
    const session = this.#session(request)
    session.closed = true
    this.#sessions.delete(session.id)
    for (const [id, operation] of this.#operations) {
      if (operation.seen.session !== session.id) continue
      operation.end('closed')
      this.#operations.delete(id)
    }
    return { status: OK }
  }

  async #execute(request: Request, fault: Fault | undefined): Promise<object> {
    const session = this.#session(request)
    const seen = seenOf(request, session.id)
    this.#options.ledger.statements.push(seen)
    const found = this.#options.statements(seen.sql, seen.parameters)
    if (found === undefined) this.#options.ledger.unanswered.push(seen.sql)
    this.#options.ledger.changed()
    if (fault?.kind === 'stall') await this.#options.faults.released()
    const refusal = found === undefined ? { text: '[UNFORESEEN] nobody foresaw the statement' } : refusalOf(found)
    if (refusal?.route === 'status') {
      seen.ended = 'closed' // it never began
      return { status: errorStatus(refusal.text) }
    }
    const failure =
      fault?.kind === 'state' ? fault : refusal === undefined ? undefined : { ...refusal, state: 'ERROR' as const }
    const { files, now, faults } = this.#options
    const answer = found as Answer | undefined
    const operation = new Operation({ seen, answer, failure, files, origin: this.origin, at: now() })
    this.#operations.set(seen.id, operation)
    if (fault?.kind === 'running') operation.runUntil(faults.released())
    return {
      status: OK,
      operationHandle: {
        operationId: identifier(seen.id),
        operationType: types.TOperationType.EXECUTE_STATEMENT,
        hasResultSet: true,
      },
      ...(request.getDirectResults ? { directResults: this.#direct(operation, fault) } : {}),
    }
  }

  /** The first page, and the end where that is all. */
  #direct(operation: Operation, fault: Fault | undefined): object {
    const operationStatus = operation.status()
    if (!operation.isReady) return { operationStatus }
    if (operation.answer?.hasResultSet === false) return { operationStatus, resultSetMetadata: operation.metadata() }
    const resultSetMetadata = operation.metadata()
    const resultSet = operation.fetch(fault)
    if (!operation.isSpent) return { operationStatus, resultSetMetadata, resultSet }
    operation.end('closed')
    this.#operations.delete(operation.seen.id)
    return { operationStatus, resultSetMetadata, resultSet, closeOperation: { status: OK } }
  }

  #operation({ operationHandle }: Request): Operation {
    const id = idOf(operationHandle.operationId)
    const operation = this.#operations.get(id)
    if (operation === undefined) throw new InvalidHandle(`Invalid OperationHandle: OperationHandle [${id}]`)
    const { now, idleMs } = this.#options
    if (now() - operation.usedAt > idleMs) {
      operation.end('evicted')
      this.#operations.delete(id)
      const text = 'RESOURCE_DOES_NOT_EXIST: the operation is not there'
      throw new HttpAnswer(404, { 'x-databricks-error-or-redirect-message': text })
    }
    operation.usedAt = now()
    return operation
  }

  async #fetch(request: Request, fault: Fault | undefined): Promise<object> {
    const operation = this.#operation(request)
    operation.seen.fetches += 1
    this.#options.ledger.changed()
    if (fault?.kind === 'stall') {
      const released = this.#options.faults.released()
      await (fault.untilEnded === true ? Promise.race([released, operation.gone]) : released)
      this.#operation(request) // it may be gone by now
    }
    return operation.fetch(fault)
  }

  #end(request: Request, how: 'closed' | 'cancelled'): object {
    const operation = this.#operation(request)
    operation.end(how)
    this.#operations.delete(operation.seen.id)
    this.#options.ledger.changed()
    return { status: OK }
  }
}

const refusalOf = (found: Answer | Refusal): Refusal | undefined => ('text' in found ? found : undefined)

const errorStatus = (errorMessage: string) => ({ statusCode: types.TStatusCode.ERROR_STATUS, errorMessage })

const identifier = (id: string) => {
  const guid = Buffer.from(id.replaceAll('-', ''), 'hex')
  return { guid, secret: guid }
}

const idOf = ({ guid }: { readonly guid: Buffer }): string =>
  guid.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

function seenOf(request: Request, session: string): SeenStatement {
  const { statement, parameters, confOverlay, canDownloadResult, canDecompressLZ4Result } = request
  const bound = (parameters ?? []).map(({ name, type, value }: Request): [string, Parameter] => [
    name,
    { type, value: value?.stringValue ?? null },
  ])
  return {
    id: randomUUID(),
    session,
    sql: statement,
    parameters: Object.fromEntries(bound),
    tags: confOverlay?.query_tags,
    asksLinks: canDownloadResult === true,
    asksLz4: canDecompressLZ4Result === true,
    fetches: 0,
    ended: undefined,
  }
}
