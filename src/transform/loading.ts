import { LakeloopError } from '../errors.js'
import { readAnswer } from './answers.js'
import { type Program, type ProgramPlace, SOURCE_CHARS_MAX, withFiles } from './program-files.js'
import { withPackages } from './program-packages.js'
import type { Loaded, Needs } from './protocol.js'
import type { Wall } from './wall/wall.js'

export interface LoadOptions {
  readonly file: string
  readonly batch: boolean
  /** Where the program's files are; none of one that was given as text. */
  readonly place: ProgramPlace | undefined
  /** By name: the file of a package of the user's own. */
  readonly packages: Readonly<Record<string, string>>
  readonly initTimeoutMs: number
  /** For the child, should there be no host to stop it at its deadline. */
  readonly leftAloneMs: number
  readonly memoryMb: number
  readonly signal: AbortSignal | undefined
}

/** More than a program has files: each round gives it one more at least. */
const ROUNDS_MAX = 200

/**
 * Gives a child its program, and the files and packages that the child finds it to need, until there is nothing more.
 *
 * Throws  what `Transform.prepare` throws.
 */
export async function loadInto(
  wall: Wall,
  program: Program,
  options: LoadOptions,
): Promise<{ readonly program: Program; readonly loaded: Loaded }> {
  let known = program
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const answer = await asked(wall, known, options)
    if (answer.type === 'loaded') return { program: known, loaded: answer }
    known = await withFiles(known, answer.files, options.place)
    known = await withPackages(known, answer.packages, options.packages)
  }
  throw new LakeloopError('TRANSFORM_CRASHED', { at: `${options.file}:1:1` }) // it asks for what it was given
}

async function asked(wall: Wall, program: Program, options: LoadOptions): Promise<Loaded | Needs> {
  const { file, batch, initTimeoutMs, leftAloneMs, memoryMb, signal } = options
  const start = `${file}:1:1`
  if (program.modules.reduce((sum, { source }) => sum + source.length, 0) > SOURCE_CHARS_MAX) {
    throw new LakeloopError('TRANSFORM_SYNTAX', { at: start, problem: 'the program is longer than 1 MiB' })
  }
  const request = { type: 'load', ...program, batch, limitMs: initTimeoutMs + leftAloneMs } as const
  const answered = await wall.ask(request, new Uint8Array(), { timeoutMs: initTimeoutMs, signal })
  if (answered.end === 'timeout')
    throw new LakeloopError('TRANSFORM_INIT_TIMEOUT', { at: start, limitMs: initTimeoutMs })
  if (answered.end === 'memory') throw new LakeloopError('TRANSFORM_OUT_OF_MEMORY', { at: start, limitMb: memoryMb })
  const answer = answered.end === 'answered' ? readAnswer(answered.frame) : undefined
  if (answer?.type === 'refused') throw new LakeloopError(answer.code as 'TRANSFORM_SYNTAX', answer.facts)
  if (answer?.type === 'loaded' || answer?.type === 'needs') return answer
  throw new LakeloopError('TRANSFORM_CRASHED', { at: start })
}
