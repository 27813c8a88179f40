import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isLakeloopError, LakeloopError } from '../errors.js'
import { type Row, type RowBlock, rowBlock } from '../model/row.js'
import type { Reason } from '../model/value.js'
import { type Asked, readAnswer, readSlice } from './answers.js'
import { loadInto } from './loading.js'
import { type ColumnMapping, mappingProgram } from './mapping.js'
import { type CheckedOptions, checkOptions, type TransformOptions } from './options.js'
import { type Program, type ProgramPlace, versionOf } from './program-files.js'
import type { RunRequest } from './protocol.js'
import { type AskedSlice, inSlices, type SliceEnd } from './slices.js'
import { Gathering, type Transformed } from './transformed.js'
import { assertRows, type Tried, triedOf } from './trial.js'
import type { Wall, WallAnswer, WallEnd } from './wall/wall.js'
import { Walls } from './wall/walls.js'

export type { ColumnMapping } from './mapping.js'
export type { TransformOptions } from './options.js'
export type { AskedSlice } from './slices.js'
export type { RowFate, Transformed } from './transformed.js'
export type { Tried, TriedRow } from './trial.js'

/** What is known about a program before its first row. */
export interface TransformFacts {
  /** SHA-256 as hex: of the text, or of all files and packages where there are several. */
  readonly version: string
  readonly form: 'send' | 'default'
  /** Columns that the program reads, each with the place where it does so first: `file:line:column`. */
  readonly reads: readonly { readonly column: string; readonly at: string }[]
  /** True where a row goes out of sight (a computed name, a spread): then any column may be read. */
  readonly readsAll: boolean
}

/** What the rows of one call share. */
export interface RunContext {
  /** The program's present, in ms since 1970. Default: the host's clock at the call; give it to make a repeat equal. */
  readonly now?: number | undefined
  /** Makes the program's random numbers, together with the row's index. Default the empty text. */
  readonly seed?: string | undefined
  /** `null` in a field of `dataFields`: `omit` leaves the field out, `remove` keeps it, which removes the field. Default `omit`. */
  readonly nulls?: 'omit' | 'remove' | undefined
  readonly signal?: AbortSignal | undefined
}

/** After this the child ends itself, should there be no host to stop it at its deadline. */
const LEFT_ALONE_MS = 2_000
/** Work after which the child hands over what it has, so that a deadline is met by single rows only. */
const SOFT_SHARE = 0.2
const SOFT_CHARS = 4_000_000
/** Calls under way: while the program works on the rows of one, those of the next are on their way, and what it made is read. */
const AT_ONCE = 2

const CODE_OF = {
  timeout: 'TRANSFORM_TIMEOUT',
  memory: 'TRANSFORM_OUT_OF_MEMORY',
  crashed: 'TRANSFORM_CRASHED',
} as const satisfies Record<WallEnd, string>

/**
 * A user's program that makes actions of rows, in a process of its own (or where `isolation` says).
 *
 * The process starts at the first use, stays warm until it has been idle and holds the host open only while it works.
 *
 * Upholds  I8: the program reaches its row and what the call hands it, and cannot stop, slow or crash the host.
 *          I9: same rows, same `now`, same seed, same actions, byte for byte.
 */
export class Transform {
  /** As given; stands in every error that names a place in the program. */
  readonly name: string
  readonly #options: CheckedOptions
  readonly #read: () => Promise<string>
  readonly #place: ProgramPlace | undefined
  #program: Promise<Program> | undefined
  readonly #walls: Walls
  #wall: Wall | undefined
  #facts: TransformFacts | undefined
  /** Where the function stands that is called for a row. */
  #at = ''
  #starting: Promise<{ wall: Wall; facts: TransformFacts }> | undefined
  /** The last call of each turn. */
  readonly #last: Promise<unknown>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve())
  #calls = 0
  #closed = false

  private constructor(name: string, read: () => Promise<string>, options: TransformOptions, folder?: string) {
    this.name = name
    this.#read = read
    this.#options = checkOptions(options)
    this.#place = folder === undefined ? undefined : { root: this.#options.root ?? folder }
    this.#walls = new Walls(this.#options)
  }

  /**
   * A program in a file of JavaScript, or of TypeScript by its ending, read at the first use, with the files that it imports.
   * Throws OPTION_INVALID.
   */
  static fromFile(path: string, options: TransformOptions = {}): Transform {
    assertText('path', path)
    const read = (): Promise<string> =>
      readFile(path, 'utf8').catch((error: unknown) => {
        throw new LakeloopError('TRANSFORM_UNREADABLE', { file: path }, error)
      })
    return new Transform(path, read, options, dirname(path))
  }

  /**
   * A program as text; `name` stands for the file in errors, default `transform`: one that ends in `.ts` says that it is
   * TypeScript. Throws OPTION_INVALID.
   */
  static fromText(source: string, options: TransformOptions & { readonly name?: string } = {}): Transform {
    assertText('source', source)
    const { name = 'transform', ...rest } = options
    return new Transform(name, () => Promise.resolve(source), rest)
  }

  /** A plain mapping of columns, without code of your own. Throws OPTION_INVALID. */
  static map(mapping: ColumnMapping, options: Omit<TransformOptions, 'batch' | 'packages' | 'root'> = {}): Transform {
    return Transform.fromText(mappingProgram(mapping), { ...options, name: 'Transform.map' })
  }

  /** As in the facts. Throws what `prepare` throws. */
  async version(): Promise<string> {
    return (await this.prepare()).version
  }

  /**
   * Compiles the program in its process and runs its top level, so that what is wrong with it shows before the first row.
   *
   * Repeat   answers at once, as long as the process lives.
   * Throws   TRANSFORM_UNREADABLE, _SYNTAX, _FORBIDDEN_SYNTAX, _UNKNOWN_IDENTIFIER, _ABSENT, _IMPORT_UNRESOLVED, _NO_FUNCTION,
   *          _PACKAGE_UNKNOWN, _PACKAGE_UNREADABLE, _PACKAGE_INVALID, _INIT_TIMEOUT, _THREW, _OUT_OF_MEMORY, _CRASHED, _START_FAILED; ABORTED, CLOSED.
   */
  prepare(signal?: AbortSignal): Promise<TransformFacts> {
    return this.#queue(async () => (await this.#warm(signal)).facts)
  }

  /**
   * Makes actions of rows. Calls queue up; while the program works on the rows of one, those of the next are handed over.
   *
   * Order   fates are in row order, actions in row order and within a row as returned.
   * Throws  what `prepare` throws; TRANSFORM_KILLS_SPENT. A row that goes wrong is rejected alone and throws nothing, unless
   *         `rowErrors` is `stop`: then TRANSFORM_ROW_STOPPED.
   */
  run(page: { readonly rows: RowBlock }, context: RunContext = {}): Promise<Transformed> {
    return this.#queue(() => this.#run(page.rows, context))
  }

  /** Makes actions of a few plain rows, to be looked at by hand or by a test. Throws as `run`; OPTION_INVALID for what is no JSON. */
  async try(rows: readonly Row[], context: RunContext = {}): Promise<Tried> {
    assertRows(rows)
    const started = performance.now()
    await this.prepare(context.signal)
    const prepared = performance.now()
    const asked: AskedSlice[] = []
    const made = await this.#queue(() => this.#run(rowBlock(rows), context, (slice) => asked.push(slice)))
    return triedOf(made, asked, { prepare: prepared - started, run: performance.now() - prepared })
  }

  /** Ends the process; a call that waits for it throws CLOSED. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    this.#walls.close()
    await Promise.allSettled(this.#last)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#calls++ % AT_ONCE
    const next = (this.#last[turn] as Promise<unknown>).then(() => {
      this.#open()
      return this.#walls.use(work)
    })
    this.#last[turn] = next.catch(() => undefined)
    return next
  }

  #open(): void {
    if (this.#closed) throw new LakeloopError('CLOSED', { part: `the transform ${this.name}` })
  }

  #load(): Promise<Program> {
    this.#program ??= this.#read().then((source) => ({ modules: [{ id: this.name, source, links: {} }], packages: [] }))
    this.#program.catch(() => {
      this.#program = undefined // the file may be there next time
    })
    return this.#program
  }

  /** A process that holds the program, started anew where the last one ended: once for all that ask. */
  async #warm(signal: AbortSignal | undefined): Promise<{ wall: Wall; facts: TransformFacts }> {
    for (;;) {
      if (this.#wall?.alive === true && this.#facts !== undefined) return { wall: this.#wall, facts: this.#facts }
      const isOurs = this.#starting === undefined
      this.#starting ??= this.#start(signal).finally(() => {
        this.#starting = undefined
      })
      try {
        return await this.#starting
      } catch (error) {
        // Another call was aborted while it started the process for us too.
        if (isOurs || signal?.aborted === true || !isLakeloopError(error, 'ABORTED')) throw error
      }
    }
  }

  async #start(signal: AbortSignal | undefined): Promise<{ wall: Wall; facts: TransformFacts }> {
    const known = await this.#load()
    this.#open()
    const { batch, packages, initTimeoutMs, memoryMb } = this.#options
    const wall = await this.#walls.open()
    const place = { file: this.name, place: this.#place }
    const limits = { initTimeoutMs, memoryMb, leftAloneMs: LEFT_ALONE_MS }
    const { program, loaded } = await loadInto(wall, known, { ...place, ...limits, batch, packages, signal }).catch(
      (error: unknown) => {
        wall.kill('crashed')
        if (this.#facts === undefined) this.#program = undefined // it may be mended on the disk before the next try
        this.#open()
        throw error
      },
    )
    this.#program = Promise.resolve(program) // what is imported is read once, as the program is
    const { form, at, reads, readsAll } = loaded
    this.#at = at
    this.#wall = wall
    this.#facts = { version: versionOf(program, batch), form, reads, readsAll }
    return { wall, facts: this.#facts }
  }

  async #run(rows: RowBlock, context: RunContext, asked = (_: AskedSlice): unknown => undefined): Promise<Transformed> {
    const { now = Date.now(), seed = '', nulls = 'omit', signal } = context
    const { sliceRows, timeoutMs, memoryMb, outputMaxBytes, rowErrors } = this.#options
    const limits = { softMs: timeoutMs * SOFT_SHARE, softChars: SOFT_CHARS, limitMs: timeoutMs + LEFT_ALONE_MS }
    const gathering = new Gathering(rows, rowErrors === 'stop' ? this.name : undefined)
    await this.#warm(signal)
    await inSlices({
      rows,
      sliceRows,
      file: this.name,
      together: this.#options.batch,
      run: (from, json, count) => {
        const shown = { count, isRefused: (row: number) => rows.refused.has(from + row) }
        return this.#slice({ type: 'run', from, now, seed, nulls, outputMaxBytes, ...limits }, json, shown, signal)
      },
      asked,
      ran: (from, slice) => gathering.add(from, slice),
      poisoned: (row, reason) => gathering.reject(row, reason),
      reasonOf: (end): Reason => {
        const facts = end === 'timeout' ? { limitMs: timeoutMs } : end === 'memory' ? { limitMb: memoryMb } : {}
        return { code: CODE_OF[end], facts: { at: this.#at, ...facts } }
      },
    })
    return gathering.done()
  }

  async #slice(
    request: RunRequest,
    json: Uint8Array,
    asked: Asked,
    signal: AbortSignal | undefined,
  ): Promise<SliceEnd> {
    const { timeoutMs } = this.#options
    let wall: Wall
    let answered: WallAnswer
    do {
      wall = (await this.#warm(signal)).wall
      answered = await wall.ask(request, json, { timeoutMs, signal })
      this.#open()
    } while (answered.end === 'untouched')
    if (answered.end !== 'answered') return answered
    const answer = readAnswer(answered.frame)
    if (answer?.type === 'refused') throw new LakeloopError(answer.code as 'TRANSFORM_THREW', answer.facts)
    if (answer?.type === 'undone' && typeof answer.reason?.code === 'string')
      return { end: 'undone', reason: answer.reason }
    const slice = answer?.type === 'ran' ? readSlice(answer, answered.frame, asked) : undefined
    if (slice !== undefined) return slice
    wall.kill('untouched') // an answer that contradicts itself: whatever runs there is not trusted any longer, and the next is not at fault
    return { end: 'crashed' }
  }
}

function assertText(option: string, value: unknown): void {
  if (typeof value === 'string') return
  throw new LakeloopError('OPTION_INVALID', { part: 'Transform', option, problem: 'is no text' })
}
