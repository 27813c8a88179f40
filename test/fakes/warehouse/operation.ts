import { randomUUID } from 'node:crypto'
import type { Answer, Batch } from './answer.js'
import type { EndState, Fault } from './faults.js'
import type { SeenStatement } from './ledger.js'
import { int64, types } from './wire.js'

/** The end of an Arrow stream. */
const END = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
const LINK_MS = 15 * 60_000

/** Ids of Thrift's types, as far as an answer of a test has them. Source: TCLIService_types of the driver. */
const TYPE_IDS: Readonly<Record<string, number>> = {
  BOOLEAN: 0,
  TINYINT: 1,
  SMALLINT: 2,
  INT: 3,
  BIGINT: 4,
  FLOAT: 5,
  DOUBLE: 6,
  STRING: 7,
  VARIANT: 7,
  TIMESTAMP: 8,
  TIMESTAMP_NTZ: 8,
  BINARY: 9,
  ARRAY: 10,
  MAP: 11,
  STRUCT: 12,
  DECIMAL: 15,
  DATE: 17,
}

interface Failure {
  readonly state: EndState
  readonly text: string
  readonly sqlState?: string | undefined
}

/** Files behind links, by their names. */
export type Files = Map<string, Uint8Array>

/** A statement on the server, and how far it was fetched. */
export class Operation {
  readonly seen: SeenStatement
  readonly answer: Answer | undefined
  readonly #files: Files
  readonly #origin: string
  #failure: Failure | undefined
  #running = false
  #page = 0
  #emptyPages = 0
  #ended: () => void = () => undefined
  /** Of the fake's clock, in ms. */
  usedAt: number
  /** Resolves when nobody can ask it any more. */
  readonly gone: Promise<void>

  constructor(parts: {
    readonly seen: SeenStatement
    readonly answer: Answer | undefined
    readonly failure: Failure | undefined
    readonly files: Files
    readonly origin: string
    readonly at: number
  }) {
    this.seen = parts.seen
    this.answer = parts.answer
    this.#failure = parts.failure
    this.#files = parts.files
    this.#origin = parts.origin
    this.usedAt = parts.at
    this.gone = new Promise((resolve) => {
      this.#ended = resolve
    })
  }

  end(how: SeenStatement['ended']): void {
    this.seen.ended ??= how
    this.#ended()
  }

  runUntil(released: Promise<void>): void {
    this.#running = true
    void released.then(() => {
      this.#running = false
    })
  }

  get isReady(): boolean {
    return !this.#running && this.#failure === undefined
  }

  /** All of it was given out, and nothing is said to follow. */
  get isSpent(): boolean {
    return this.#page >= (this.answer?.pages.length ?? 0) && this.#emptyPages === 0
  }

  status(): object {
    const status = { statusCode: types.TStatusCode.SUCCESS_STATUS }
    const failure = this.#failure
    if (failure !== undefined) {
      const { state, text, sqlState } = failure
      const operationState = types.TOperationState[`${state}_STATE`]
      // A failed statement may be said to have no result: then a fetch finds no rows, and no error.
      return {
        status,
        operationState,
        sqlState,
        displayMessage: text,
        errorMessage: `long: ${text}`,
        hasResultSet: false,
      }
    }
    const name = this.#running ? 'RUNNING_STATE' : 'FINISHED_STATE'
    const hasResultSet = this.answer?.hasResultSet ?? true
    return { status, operationState: types.TOperationState[name], hasResultSet }
  }

  metadata(): object {
    const { columns = [], schema = new Uint8Array(), lz4 } = this.answer ?? {}
    const formats = types.TSparkRowSetType
    return {
      status: { statusCode: types.TStatusCode.SUCCESS_STATUS },
      schema: {
        columns: columns.map(([columnName, sql], at) => {
          const type = TYPE_IDS[/^\w+/.exec(sql)?.[0] ?? ''] ?? TYPE_IDS.STRING
          return { columnName, position: at + 1, typeDesc: { types: [{ primitiveEntry: { type } }] } }
        }),
      },
      resultFormat: this.#byLinks ? formats.URL_BASED_SET : formats.ARROW_BASED_SET,
      lz4Compressed: lz4 !== undefined,
      arrowSchema: Buffer.from(schema),
      isStagingOperation: false,
    }
  }

  /** The next page. */
  fetch(fault: Fault | undefined): object {
    const pages = this.answer?.pages ?? []
    let batches = pages[this.#page] ?? []
    if (this.#page < pages.length) this.#page += 1
    else this.#emptyPages = Math.max(0, this.#emptyPages - 1)
    if (fault?.kind === 'page') batches = fault.spoil(batches)
    if (fault?.kind === 'more') this.#emptyPages = fault.emptyPages
    return {
      status: { statusCode: types.TStatusCode.SUCCESS_STATUS },
      hasMoreRows: !this.isSpent,
      results: {
        startRowOffset: int64(0),
        rows: [],
        ...(this.#byLinks
          ? { resultLinks: batches.map((batch) => this.#link(batch, fault?.kind === 'expired')) }
          : { arrowBatches: batches.map((batch) => this.#inline(batch)) }),
      },
    }
  }

  get #byLinks(): boolean {
    return this.seen.asksLinks && this.answer?.links === true
  }

  #inline({ bytes, rowCount }: Batch): object {
    return { batch: Buffer.from(this.answer?.lz4?.(bytes) ?? bytes), rowCount: int64(rowCount) }
  }

  #link({ bytes, rowCount }: Batch, expired: boolean): object {
    const name = `/results/${randomUUID()}`
    const whole = Buffer.concat([this.answer?.schema ?? new Uint8Array(), bytes, END])
    const file = this.answer?.lz4?.(whole) ?? whole
    this.#files.set(name, file)
    return {
      fileLink: `${this.#origin}${name}`,
      expiryTime: int64(expired ? 1 : Date.now() + LINK_MS), // the driver compares it with the machine's clock
      startRowOffset: int64(0),
      rowCount: int64(rowCount),
      bytesNum: int64(file.byteLength),
      httpHeaders: {},
    }
  }
}
