/** Programs that do not come to their first row: what stands in the place of the row's expression, or a whole program, and why not. */
export type Refusal = readonly [attack: string, program: string, code: RegExp]

const SYNTAX = /^TRANSFORM_(FORBIDDEN_SYNTAX|SYNTAX)$/
const FORBIDDEN = /^TRANSFORM_FORBIDDEN_SYNTAX$/
const UNKNOWN = /^TRANSFORM_(?:UNKNOWN_IDENTIFIER|ABSENT)$/
const THREW = /^TRANSFORM_THREW$/

export const EXPRESSIONS: { readonly reference: readonly Refusal[]; readonly own: readonly Refusal[] } = {
  reference: [
    ['import()', "import('fs')", FORBIDDEN],
    ['import() behind a comment', "import/**/('fs')", FORBIDDEN],
    ['import() behind a line comment', "import//\n('fs')", FORBIDDEN],
    ['import() in a spread', "({ ...import('fs') })", FORBIDDEN],
    ['import() behind U+2028', "import\u2028('fs')", FORBIDDEN],
    ['eval of import()', "eval('import(1)')", FORBIDDEN],
    ['new Function of import()', "new Function('import(1)')", FORBIDDEN],
    ['Function', "Function('1')", UNKNOWN],
    ['process', 'process', UNKNOWN],
  ],
  own: [
    ['import() behind U+FEFF', "import\ufeff('fs')", FORBIDDEN],
    ['import() spelled with an escape', "\\u0069mport('fs')", SYNTAX],
    ['import() with attributes', "import('fs', { with: {} })", SYNTAX],
    ['import() of a promise', 'import(Promise.resolve(1))', FORBIDDEN],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the program's own
    ['import() in the part of a template', "`${import('fs')}`", FORBIDDEN],
    ['import() in a computed name', "({ [import('fs')]: 1 })", FORBIDDEN],
    ['import() in a default of an argument', "((a = import('fs')) => a)()", FORBIDDEN],
    ['import() in a static block', "class { static { import('fs') } }", FORBIDDEN],
    ['import() in an async arrow', "(async () => await import('fs'))()", FORBIDDEN],
    ['import() in a tagged template', "String.raw`import('fs')`", FORBIDDEN],
    ['import.meta', 'import.meta', FORBIDDEN],
    ['import.source', "import.source('fs')", SYNTAX],
    ['import.defer', "import.defer('fs')", SYNTAX],
    ['eval spelled with an escape', "\\u0065val('1')", FORBIDDEN],
    ['eval?.()', "eval?.('1')", FORBIDDEN],
    ['(0, eval)', "(0, eval)('1')", UNKNOWN],
    ['eval under another name', '((e) => e)(eval)', UNKNOWN],
    ['require', "require('fs')", /^TRANSFORM_ABSENT$/],
    ['require of what a path leads to', "require('date-fns/../../fs')", /^TRANSFORM_PACKAGE_UNKNOWN$/],
    ['require of a name of prototypes', "require('constructor')", /^TRANSFORM_PACKAGE_UNKNOWN$/],
    ['require of a file', "require('../../etc/passwd')", FORBIDDEN],
    ['require under another name', '[require]', FORBIDDEN],
    ['module', 'module.exports', UNKNOWN],
    ['arguments of the sandbox', 'arguments[0]', UNKNOWN],
    ['new.target of the sandbox', 'new.target', SYNTAX],
    ['super of the sandbox', 'super.x', SYNTAX],
    ['a closing brace too many', '1)}); (() => { globalThis', SYNTAX],
    ['a name of the wrapper', '$made0', UNKNOWN],
    ['the tools of the sandbox', '[Compartment, lockdown, harden]', UNKNOWN],
    ['bytes', 'new Uint8Array(2 ** 30)', UNKNOWN],
    ['shared memory', 'new SharedArrayBuffer(2 ** 30)', UNKNOWN],
    ['WebAssembly', 'WebAssembly.compile', UNKNOWN],
    ['timers', 'setTimeout(() => 1)', UNKNOWN],
    ['the network', "fetch('http://127.0.0.1')", UNKNOWN],
    ['ShadowRealm', 'new ShadowRealm()', UNKNOWN],
    ['brackets without an end', '['.repeat(20_000), SYNTAX],
    ['a sum without an end', `1${'+1'.repeat(50_000)}`, SYNTAX],
  ],
}

/** Whole programs that are refused before their first row. */
export const PROGRAMS: { readonly reference: readonly Refusal[]; readonly own: readonly Refusal[] } = {
  reference: [
    ['with', 'export default (row) => { with (row) { return email } }', FORBIDDEN],
    ['import as a statement', "import fs from 'node:fs'; export default () => fs", /^TRANSFORM_/],
  ],
  own: [
    ['export * from', "export * from 'node:fs'; export default () => 1", /^TRANSFORM_/],
    ['export from', "export { readFile } from 'node:fs'; export default () => 1", /^TRANSFORM_/],
    ['await at the top level', 'await 1; export default () => 1', FORBIDDEN],
    ['for await at the top level', 'for await (const x of []) x; export default () => 1', FORBIDDEN],
    ['a return at the top level', 'return () => 1; export default () => 1', SYNTAX],
    ['a top level that never ends', 'for (;;); export default () => 1', /^TRANSFORM_INIT_TIMEOUT$/],
    [
      'microtasks of the top level that never end',
      '(async () => { for (;;) await null })(); export default () => 1',
      /^TRANSFORM_INIT_TIMEOUT$/,
    ],
    [
      'a top level that takes all memory',
      'const a = []; for (;;) a.push({ a }); export default () => 1',
      /^TRANSFORM_(OUT_OF_MEMORY|INIT_TIMEOUT)$/,
    ],
    ['a top level that throws a proxy', 'throw new Proxy({}, { get() { throw 1 } }); export default () => 1', THREW],
    ['a top level that spoils a prototype', 'Object.prototype.polluted = 1; export default () => 1', THREW],
    ['a global of its own', 'globalThis.kept = 1; export default () => 1', THREW],
    ['a name that is spelled with an escape, of the wrapper', 'let \\u0024made = 1; export default () => 1', THREW],
    ['an export that is no function', 'export default { email: 1 }', /^TRANSFORM_NO_FUNCTION$/],
    [
      'an export that is a proxy of an object',
      'export default new Proxy({}, { get() { throw 1 } })',
      /^TRANSFORM_NO_FUNCTION$/,
    ],
    [
      'an unknown name of 200,000 letters beside many long ones',
      `${Array.from({ length: 20 }, (_, n) => `const ${'a'.repeat(20_000)}${n} = 1`).join('\n')}\nexport default () => ${'b'.repeat(200_000)}`,
      /^TRANSFORM_(INIT_TIMEOUT|UNKNOWN_IDENTIFIER)$/,
    ],
    [
      'lookalikes without an end',
      `export default () => [${"'<!--',".repeat(80_000)}]`,
      /^TRANSFORM_(INIT_TIMEOUT|OUT_OF_MEMORY)$/,
    ],
    ['a program of 2 MB', `export default () => 1 //${'x'.repeat(2 ** 21)}`, SYNTAX],
  ],
}
