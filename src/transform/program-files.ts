import { createHash } from 'node:crypto'
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { LakeloopError } from '../errors.js'
import type { LoadRequest, ModuleText, Needs } from './protocol.js'

/** A program, and what of it is known to be needed. */
export interface Program {
  /** The entry first. */
  readonly modules: readonly ModuleText[]
  readonly packages: LoadRequest['packages']
}

export interface ProgramPlace {
  /** Files outside this folder are not read, whatever a program imports. */
  readonly root: string
}

const FILES_MAX = 100
/** Characters of all files of a program together. */
export const SOURCE_CHARS_MAX = 2 ** 20

/** What may be meant by an import without the ending of the file, or with that of the file that is made of it. */
const ENDINGS = ['', '.ts', '.js', '.mts', '.mjs', '.json']
const MADE_OF: readonly (readonly [RegExp, string])[] = [
  [/\.js$/, '.ts'],
  [/\.mjs$/, '.mts'],
]

/**
 * The program with the files that it turned out to import.
 *
 * Throws  TRANSFORM_IMPORT_UNRESOLVED where one is not there, or not inside the folder of the program.
 */
export async function withFiles(
  program: Program,
  needs: Needs['files'],
  place: ProgramPlace | undefined,
): Promise<Program> {
  const modules = new Map(program.modules.map((module) => [module.id, module]))
  for (const { from, specifier, at } of needs) {
    const importer = modules.get(from)
    if (importer === undefined || typeof specifier !== 'string')
      throw new LakeloopError('TRANSFORM_CRASHED', { at: String(at) })
    const unresolved = (problem: string): LakeloopError =>
      new LakeloopError('TRANSFORM_IMPORT_UNRESOLVED', { at, specifier, problem })
    if (place === undefined) throw unresolved('cannot be found: the program was given as text')
    const id = await found(join(dirname(from), specifier), place, unresolved)
    modules.set(from, { ...importer, links: { ...importer.links, [specifier]: id } })
    if (!modules.has(id)) {
      const source = await readFile(id, 'utf8').catch(() => {
        throw unresolved('cannot be read')
      })
      modules.set(id, { id, source, links: {} })
    }
    if (modules.size > FILES_MAX) throw unresolved(`is one file more than the ${FILES_MAX} that a program may have`)
  }
  return { ...program, modules: [...modules.values()] }
}

/** The path of the file that is meant. */
async function found(
  path: string,
  { root }: ProgramPlace,
  unresolved: (problem: string) => LakeloopError,
): Promise<string> {
  const folder = await realpath(root).catch(() => {
    throw unresolved('cannot be looked for: the folder of the option root is not there')
  })
  const others = MADE_OF.filter(([ending]) => ending.test(path)).map(([ending, made]) => path.replace(ending, made))
  for (const candidate of [...ENDINGS.map((ending) => path + ending), ...others]) {
    if (!/\.(?:[cm]?[jt]s|json)$/.test(candidate)) continue
    const real = await realpath(candidate).catch(() => undefined)
    if (real === undefined || !(await stat(real)).isFile()) continue
    const inside = relative(folder, real)
    if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
      throw unresolved('is outside the folder of the program: name one that holds both in the option root')
    }
    return candidate
  }
  throw unresolved('is not there')
}

/** SHA-256 as hex: of the text, where that is all; else of every file and package by its name. */
export function versionOf({ modules, packages }: Program, batch: boolean): string {
  const hash = createHash('sha256')
  const [entry] = modules
  if (modules.length === 1 && packages.length === 0 && !batch) return hash.update(entry?.source ?? '').digest('hex')
  const parts = [
    ...modules.map(({ source }, nth) => [
      nth === 0 ? '' : relative(dirname(entry?.id ?? ''), modules[nth]?.id ?? ''),
      source,
    ]),
    ...packages.map(({ slug, source }) => [`package ${slug}`, source]),
    ...(batch ? [['batch', '']] : []),
  ].sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  return hash.update(JSON.stringify(parts)).digest('hex')
}
