/**
 * What SES refuses by the look of the text, wherever it stands, written with an escape instead: in a string, a template
 * or a regular expression it means the same, in code it is a syntax error and never a way around. Not the first
 * character, so that a backslash before it keeps its meaning. Source: ses 2.3.0, transforms.js.
 */
const LOOKALIKE = /<!--|-->|(?<=^|[^.]|\.\.\.)\bimport(?=\s*(?:\(|\/[/*]))|(?<=^|[^.])\beval(?=\s*\()/g

const ESCAPED: Readonly<Record<string, string>> = {
  '<!--': '<\\x21--',
  '-->': '--\\x3e',
  import: 'i\\x6dport',
  eval: 'e\\x76al',
}

/** A text with every look-alike escaped, or only the one at the offset `only`. */
export const escaped = (source: string, only?: number): string =>
  source.replace(LOOKALIKE, (found, at: number) => (only === undefined || at === only ? (ESCAPED[found] ?? '') : found))

/** Every look-alike of a text, with its offset. */
export const lookalikes = (source: string): readonly { readonly found: string; readonly at: number }[] =>
  [...source.matchAll(LOOKALIKE)].map(({ 0: found, index }) => ({ found, at: index }))
