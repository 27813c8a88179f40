import { posix } from 'node:path'
import ts from 'typescript'
import {
  DATA_TABLES,
  EMPTY_NAMES,
  FACES,
  FENCES,
  FILE_LINES_MAX,
  FUNCTION_LINES_MAX,
  MAY_IMPORT,
  PACKAGES,
} from './house-plan.js'

/** Path below src/ -> text. */
export type Files = Readonly<Record<string, string>>

interface Import {
  readonly from: string
  /** A path below src/, or the name of a package. */
  readonly to: string
  readonly isPackage: boolean
}

/** Every way in which these files break the plan of the house, as sentences; none if they keep it. */
export function breaches(files: Files): string[] {
  const pages = Object.entries(files).map(([path, text]) => ({
    path,
    text,
    tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true),
  }))
  const imports = pages.flatMap(({ path, tree }) => importsOf(path, tree))
  return [
    ...pages.flatMap(({ path }) => badPlaces(path)),
    ...pages.flatMap(({ path, text, tree }) => badShape(path, text, tree)),
    ...imports.flatMap(badImport),
    ...circles(imports.filter((it) => !it.isPackage)),
  ]
}

const partOf = (path: string): string => path.split('/')[0] ?? path
const isWithin = (path: string, allowed: string): boolean => path === allowed || path.startsWith(`${allowed}/`)

function badPlaces(path: string): string[] {
  const names = path.split('/').map((name) => name.replace(/(\.generated)?\.ts$/, ''))
  return [
    ...(partOf(path) in MAY_IMPORT ? [] : [`${path}: the part ${partOf(path)} is not on the plan`]),
    ...names.filter((name) => EMPTY_NAMES.includes(name)).map((name) => `${path}: the name ${name} says nothing`),
    ...(names.at(-1) === 'index' && !FACES.includes(path) ? [`${path}: only a face is called index.ts`] : []),
  ]
}

function badShape(path: string, text: string, tree: ts.SourceFile): string[] {
  const lines = text.replace(/\n$/, '').split('\n').length
  const isReexport = (node: ts.Statement): boolean => ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined
  const isBarrel = tree.statements.length > 0 && tree.statements.every(isReexport)
  const isFace = FACES.includes(path)
  const found = [
    ...(lines > FILE_LINES_MAX && !DATA_TABLES.includes(path) ? [`${path}: ${lines} lines`] : []),
    ...(isFace && !tree.statements.every(ts.isExportDeclaration) ? [`${path}: a face holds exports only`] : []),
    ...(isBarrel && !isFace ? [`${path}: only a face re-exports and does nothing else`] : []),
  ]
  const lineOf = (at: number): number => tree.getLineAndCharacterOfPosition(at).line
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const length = lineOf(node.end) - lineOf(node.getStart(tree)) + 1
      const at = lineOf(node.getStart(tree)) + 1
      if (length > FUNCTION_LINES_MAX) found.push(`${path}:${at}: a function of ${length} lines`)
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

/** Static, dynamic, type-only and re-exported imports alike. */
function importsOf(path: string, tree: ts.SourceFile): Import[] {
  const found: Import[] = []
  const add = (node: ts.Node | undefined): void => {
    if (node === undefined || !ts.isStringLiteralLike(node) || node.text.startsWith('node:')) return
    const isPackage = !node.text.startsWith('.')
    const name = node.text.split('/').slice(0, node.text.startsWith('@') ? 2 : 1)
    const file = posix.join(posix.dirname(path), node.text).replace(/\.js$/, '.ts')
    found.push({ from: path, to: isPackage ? name.join('/') : file, isPackage })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier)
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal)
    if (ts.isCallExpression(node) && isLoad(node.expression)) add(node.arguments[0])
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

const isLoad = (callee: ts.Expression): boolean =>
  callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')

function badImport({ from, to, isPackage }: Import): string[] {
  const forbidden = [`${from}: may not import ${to}`]
  if (isPackage) return PACKAGES[to]?.some((prefix) => from.startsWith(prefix)) ? [] : forbidden
  const fence = Object.entries(FENCES).find(([prefix]) => from.startsWith(prefix))?.[1]
  if (fence !== undefined) return fence.some((allowed) => to.startsWith(allowed)) ? [] : forbidden
  const part = partOf(from)
  return part === partOf(to) || MAY_IMPORT[part]?.some((allowed) => isWithin(to, allowed)) ? [] : forbidden
}

/** Each circle once, named by the arrow that closes it. */
function circles(imports: readonly Import[]): string[] {
  const next = new Map<string, Set<string>>()
  for (const { from, to } of imports) next.set(from, (next.get(from) ?? new Set()).add(to))
  const done = new Set<string>()
  const found: string[] = []
  const walk = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      found.push(`a circle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`)
      return
    }
    if (done.has(path)) return
    for (const to of next.get(path) ?? []) walk(to, [...trail, path])
    done.add(path)
  }
  for (const path of next.keys()) walk(path, [])
  return found
}
