import { Refused } from './refused.js'
import type { Parsed, Span, Tree } from './syntax.js'
import { walk } from './syntax.js'

/**
 * What SES refuses by the look of the text, wherever it stands: an HTML comment, `import(`, `eval(`. Marketing code is
 * full of the first. In a literal one character is written as its escape, in a comment it is blanked, in code a space
 * tells the operators apart. Source: ses 2.3.0, transforms.js.
 */
const LOOKALIKE = /<!--|-->|\bimport(?=\s*(?:\(|\/[/*]))|\beval(?=\s*\()|[#@](?= source(?:Mapping)?URL)/g

/** One change of the text: `text` stands for the characters [start, end). */
export interface Edit extends Span {
  readonly text: string
}

/** The program as SES takes it, and the way back from its positions. */
export interface Rewritten {
  readonly text: string
  /** Offset in the program of an offset in `text`. */
  readonly original: (offset: number) => number
}

export function rewrite(parsed: Parsed, edits: readonly Edit[]): Rewritten {
  const covered = ({ start }: Span): boolean => edits.some((edit) => edit.start <= start && start < edit.end)
  // The text comes to stand on the second line, where `#!` begins no comment.
  const hashbang = parsed.source.startsWith('#!') ? [{ start: 0, end: 2, text: '//' }] : []
  const all = [...hashbang, ...edits, ...lookalikes(parsed).filter((edit) => !covered(edit))].sort(
    (a, b) => a.start - b.start,
  )
  let text = ''
  let from = 0
  const moved: { readonly at: number; readonly by: number }[] = []
  for (const edit of all) {
    text += parsed.source.slice(from, edit.start) + edit.text
    from = edit.end
    if (edit.text.length !== edit.end - edit.start) moved.push({ at: text.length, by: from - text.length })
  }
  text += parsed.source.slice(from)
  const original = (offset: number): number => offset + (moved.findLast(({ at }) => at <= offset)?.by ?? 0)
  return { text, original }
}

function lookalikes(parsed: Parsed): Edit[] {
  const literals: Tree[] = []
  const tagged = new Set<Tree>()
  walk(parsed.root, (node, parent) => {
    if (node.type === 'TemplateElement' || (node.type === 'Literal' && typeof node.value !== 'number'))
      literals.push(node)
    if (parent?.type === 'TaggedTemplateExpression' && parent.quasi === node) tagged.add(node)
  })
  const within = (spans: readonly Span[], at: number): Span | undefined =>
    spans.find(({ start, end }) => start <= at && at < end)
  return [...parsed.source.matchAll(LOOKALIKE)].flatMap(({ index, 0: found }): Edit[] => {
    if (within(parsed.comments, index)) return [{ start: index, end: index + 1, text: ' ' }]
    if (within([...tagged], index)) {
      throw new Refused('TRANSFORM_FORBIDDEN_SYNTAX', {
        at: parsed.at(index),
        what: `\`${found}\` in a tagged template`,
      })
    }
    if (within(literals, index)) return inLiteral(found, index)
    if (found === '<!--') return [{ start: index, end: index + 1, text: '< ' }]
    if (found === '-->') return [{ start: index + 2, end: index + 3, text: ' >' }]
    if (found.length === 1) return []
    throw new Refused('TRANSFORM_FORBIDDEN_SYNTAX', { at: parsed.at(index), what: `\`${found}(\`` })
  })
}

/** Escapes a character that is not the first, so that a backslash before it keeps its meaning. */
function inLiteral(found: string, index: number): Edit[] {
  if (found.length === 1) return []
  const at = index + (found === '-->' ? 2 : 1)
  const code = found.charCodeAt(at - index).toString(16)
  return [{ start: at, end: at + 1, text: `\\x${code}` }]
}
