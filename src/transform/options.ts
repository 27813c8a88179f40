import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'

/** How a program is run, and its limits. */
export interface TransformOptions {
  /** For one slice of rows, and so for any single row, in ms: 10 to 600,000. Default 5,000. */
  readonly timeoutMs?: number | undefined
  /** For starting the process, compiling the program and running its top level, in ms: 100 to 600,000. Default 10,000. */
  readonly initTimeoutMs?: number | undefined
  /** Heap of the process: 32 to 4,096. Default 64. */
  readonly memoryMb?: number | undefined
  /** JSON of one row's actions, in bytes: 100 to 16 MiB. Default 1 MiB. */
  readonly outputMaxBytes?: number | undefined
  /** Rows that share the variables of one run of the program, and one message: 1 to 10,000. Default 1,000. */
  readonly sliceRows?: number | undefined
  /**
   * True: the function is called once for the rows of a slice and not for each, and every action names its row by `from: row`.
   * What goes wrong costs the slice more calls, by halves, until the row at fault is rejected alone. Default false.
   */
  readonly batch?: boolean | undefined
  /** What a row that goes wrong does: `reject` it alone, or `stop` the call with TRANSFORM_ROW_STOPPED. Default `reject`. */
  readonly rowErrors?: 'reject' | 'stop' | undefined
  /**
   * Packages of your own, by the name under which the program imports them: the file of each, one CommonJS script. They come
   * before those of the list (docs/packages.md).
   */
  readonly packages?: Readonly<Record<string, string>> | undefined
  /** The folder that a program in a file may import files of. Default: that of the file. */
  readonly root?: string | undefined
  /**
   * Where the program runs, with the same results. `process`: in a process of its own. `thread`: in a thread of the host,
   * which protects against mistakes in authority, not against crashes. `none`: in the host's own thread, for trusted code
   * and unit tests. Default `process`.
   */
  readonly isolation?: 'process' | 'thread' | 'none' | undefined
  /**
   * Time without a call after which the process or thread is stopped, in ms: 0 to 86,400,000, or `Infinity` for never.
   * 0 stops it as soon as no call waits. The next call starts it anew. Default 60,000.
   */
  readonly idleMs?: number | undefined
  /** Whether a second process or thread is started where the first is likely to be stopped. Default true. */
  readonly spare?: boolean | undefined
}

const whole = (min: number, max: number, standard: number) => z.int().min(min).max(max).default(standard)

const OPTIONS = z.strictObject({
  timeoutMs: whole(10, 600_000, 5_000),
  initTimeoutMs: whole(100, 600_000, 10_000),
  memoryMb: whole(32, 4_096, 64),
  outputMaxBytes: whole(100, 16 * 2 ** 20, 2 ** 20),
  sliceRows: whole(1, 10_000, 1_000),
  batch: z.boolean().default(false),
  rowErrors: z.enum(['reject', 'stop']).default('reject'),
  packages: z.record(z.string().min(1), z.string().min(1)).default({}),
  root: z.string().min(1).optional(),
  isolation: z.enum(['process', 'thread', 'none']).default('process'),
  idleMs: z.union([z.int().min(0).max(86_400_000), z.literal(Number.POSITIVE_INFINITY)]).default(60_000),
  spare: z.boolean().default(true),
})

export type CheckedOptions = z.infer<typeof OPTIONS>

/** Fills in the defaults. Throws OPTION_INVALID. */
export function checkOptions(options: TransformOptions): CheckedOptions {
  const checked = OPTIONS.safeParse(options)
  if (checked.success) return checked.data
  throw new LakeloopError('OPTION_INVALID', { part: 'Transform', ...optionFault(checked.error, OPTIONS) })
}
