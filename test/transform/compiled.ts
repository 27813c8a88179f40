import { join } from 'node:path'
import ts from 'typescript'
import { SANDBOX_OPTIONS, SANDBOX_TEXT } from '../../src/transform/declared/sandbox-text.js'

const FOLDER = '/programs'
const kept = new Map<string, ts.SourceFile | undefined>()

export type Pages = Readonly<Record<string, string>>

/** What the compiler says of these files, which stand nowhere, as `name:line code text`, with what a program is compiled with. */
export function problemsIn(pages: Pages, more: Readonly<Record<string, unknown>> = {}): readonly string[] {
  const { options, errors } = ts.convertCompilerOptionsFromJson({ ...SANDBOX_OPTIONS, ...more }, FOLDER)
  if (errors.length > 0) throw new Error(errors.map(({ messageText }) => String(messageText)).join('\n'))
  const all = new Map(
    Object.entries({ 'sandbox.d.ts': SANDBOX_TEXT, ...pages }).map(([n, text]) => [join(FOLDER, n), text]),
  )
  const host = ts.createCompilerHost(options)
  const { getSourceFile } = host
  host.directoryExists = () => true
  host.fileExists = (name) => all.has(name) || ts.sys.fileExists(name)
  host.readFile = (name) => all.get(name) ?? ts.sys.readFile(name)
  host.getSourceFile = (name, ...rest) => {
    if (all.has(name)) return getSourceFile.call(host, name, ...rest)
    if (!kept.has(name)) kept.set(name, getSourceFile.call(host, name, ...rest)) // libraries are the same each time
    return kept.get(name)
  }
  const program = ts.createProgram([...all.keys()], options, host)
  return [
    ...program.getOptionsDiagnostics(),
    ...program.getSyntacticDiagnostics(),
    ...program.getSemanticDiagnostics(),
  ].map(({ file, start = 0, code, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1
    const name = file?.fileName.slice(FOLDER.length + 1)
    return `${name}:${line} TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  })
}
