import { inspect } from 'node:util'
import { afterEach } from 'vitest'
import { isLakeloopError, type LakeloopError } from '../../src/errors.js'
import type { Row } from '../../src/model/row.js'
import { DatabricksSource, type DatabricksSourceOptions } from '../../src/sources/databricks/databricks-source.js'
import type { DatabricksEvent } from '../../src/sources/databricks/segment.js'
import type { Page } from '../../src/sources/source.js'
import type { Clock } from '../../src/transport/clock.js'
import { type Answer, answerOf, type Statements, textAnswer } from '../fakes/warehouse/answer.js'
import { FakeWarehouse, type FakeWarehouseOptions } from '../fakes/warehouse/fake-warehouse.js'
import { kindOf } from '../sources/databricks-arrow-tables.js'

/** Part of the token, of every value and of every text of a server: found in a message, it is a leak. */
export const MARK = 's3cr3t'
export const TOKEN = `token-${MARK}-1`
export const TAGS = { lakeloop_sync: 'churn', lakeloop_run: 'r-1' }
export const QUERY = 'SELECT id, n, note FROM main.crm.scores'

export type Person = readonly [id: string, n: number, note: string]
export const people = (count: number): readonly Person[] =>
  Array.from({ length: count }, (_, n) => [`${MARK}-${String(n).padStart(4, '0')}`, n, `note ${MARK}`] as const)

const FIELDS = [
  ['id', kindOf('string')],
  ['n', kindOf('int')],
  ['note', kindOf('string')],
] as const

export interface Held {
  readonly rows: readonly Person[]
  readonly pageRows?: number
  readonly batchRows?: number
  readonly links?: boolean
  readonly lz4?: NonNullable<Answer['lz4']>
}

/** One set of rows, as a query and as a Delta table: it understands the few statements that the source makes of them. */
export function holding({ rows, pageRows = 4, batchRows = 2, links = false, lz4 }: Held): Statements {
  const whole = (some: readonly Person[]): Answer => ({
    ...answerOf([...FIELDS], some, { pageRows, batchRows }),
    links,
    ...(lz4 === undefined ? {} : { lz4 }),
  })
  return (sql, parameters) => {
    if (sql.startsWith('SELECT current_catalog()')) return textAnswer(['home', 'within'], [['main', 'crm']])
    if (sql.endsWith('LIMIT 0')) return answerOf([...FIELDS], [])
    if (sql.startsWith('DESCRIBE DETAIL')) return textAnswer(['format', 'id'], [['delta', 'table-1']])
    if (sql.startsWith('DESCRIBE HISTORY')) return textAnswer(['version', 'timestamp'], [['7', '2026-01-01']])
    if (sql.startsWith('SELECT max(CASE WHEN')) return textAnswer(['missing'], [])
    const behind = parameters.p0?.value
    if (sql === QUERY) return whole([...rows].reverse()) // in no order that a key has
    if (!sql.endsWith('ORDER BY `id`') || sql.includes(':p0') !== (behind !== undefined)) return undefined
    return whole(behind === undefined ? rows : rows.filter(([id]) => id > (behind as string)))
  }
}

export const KINDS = {
  'a sorted query': { query: QUERY, key: ['id'], order: 'key', checkKey: false },
  'a table': { table: 'main.crm.scores', key: ['id'] },
  'a bare query': { query: QUERY, key: ['id'], checkKey: false },
} as const satisfies Record<string, Partial<DatabricksSourceOptions>>
export type Kind = keyof typeof KINDS

/** Longer than any wait between two attempts: a sleep of that length is a deadline. */
const DEADLINE_MS = 120_000

/** Waits between attempts are over at once, and count; a deadline is over when the test says so. */
export class SkippingClock implements Clock {
  readonly slept: number[] = []
  #at = 0
  #deadlines: (() => void)[] = []

  now(): number {
    return this.#at
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (ms >= DEADLINE_MS) return await new Promise((resolve) => this.#deadlines.push(resolve))
    this.slept.push(ms)
    this.#at += ms
  }

  move(ms: number): void {
    this.#at += ms
  }

  /** Every deadline is over. */
  pass(): void {
    for (const over of this.#deadlines.splice(0)) over()
  }

  get waited(): number {
    return this.slept.reduce((sum, ms) => sum + ms, 0)
  }
}

export interface Stand {
  readonly warehouse: FakeWarehouse
  readonly source: DatabricksSource
  readonly clock: SkippingClock
  readonly events: DatabricksEvent[]
}

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Both are closed after the test. */
export async function stand(
  fake: FakeWarehouseOptions,
  options: Partial<DatabricksSourceOptions> = KINDS['a sorted query'],
): Promise<Stand> {
  const warehouse = await FakeWarehouse.open({ tokens: [TOKEN], ...fake })
  const [clock, events] = [new SkippingClock(), [] as DatabricksEvent[]]
  const source = new DatabricksSource({
    ...warehouse.connection,
    name: 'scores',
    auth: { token: TOKEN },
    clock,
    onEvent: (event) => events.push(event),
    ...options,
  })
  closing.push(
    () => source.close(),
    () => warehouse.close(),
  )
  return { warehouse, source, clock, events }
}

export const rowsOf = ({ rows }: Page): readonly Row[] => Array.from({ length: rows.length }, (_, at) => rows.at(at))

export interface Got {
  /** Column `n` of each row that came, in order. */
  readonly rows: readonly number[]
  readonly error: LakeloopError | undefined
}

/** Reads all of it, or up to an error of ours; another one is thrown. */
export async function readAll(
  source: DatabricksSource,
  { pageSize = 3, signal = new AbortController().signal, onPage = (_: Page): unknown => undefined } = {},
): Promise<Got> {
  const rows: number[] = []
  try {
    for await (const page of source.read({ pageSize, signal, tags: TAGS })) {
      rows.push(...rowsOf(page).map(({ n }) => n as number))
      await onPage(page)
    }
    return { rows, error: undefined }
  } catch (error) {
    if (isLakeloopError(error)) return { rows, error }
    throw error
  }
}

/** What a host could show of it. What was caught stands behind `causeOf` alone. */
export const shown = (told: unknown): string => {
  const json = JSON.stringify(told) ?? ''
  const error = told instanceof Error ? `${told.message}\n${told.stack}` : ''
  return [inspect(told, { showHidden: true, depth: Number.POSITIVE_INFINITY }), json, error].join('\n')
}
