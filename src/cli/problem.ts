import { relative, resolve } from 'node:path'

/** Something wrong at a place of a program. */
export interface Problem {
  readonly file: string
  /** From 1, as is `column`. */
  readonly line: number
  readonly column: number
  /** Of lakeloop's table, or of the compiler (`TS2551`). */
  readonly code: string
  readonly message: string
}

/** A path as a person would say it here: the program as it was named on the command line. */
export function spoken(path: string, file: string): string {
  const whole = resolve(path)
  return whole === resolve(file) ? file : relative('', whole)
}

/** On one line, whatever stands in a name. */
export function lineOf({ file, line, column, code, message }: Problem): string {
  return `${file}:${line}:${column} ${code} ${message}`.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
}

/** In the order of the text. Of what the compiler says, only what was not told of that place before. */
export function sorted(problems: readonly Problem[]): readonly Problem[] {
  const placeOf = ({ file, line, column }: Problem): string => `${file}:${line}:${column}`
  const told = new Set(problems.filter(({ code }) => !code.startsWith('TS')).map(placeOf))
  return problems
    .filter((problem) => !problem.code.startsWith('TS') || !told.has(placeOf(problem)))
    .sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column)
}
