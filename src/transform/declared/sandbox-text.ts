/**
 * What programs are compiled with, also in an editor: see docs/transform.md. ECMAScript without a browser and without Node;
 * every program is a module, so that two of them do not share names.
 */
export const SANDBOX_OPTIONS = {
  target: 'ES2022',
  lib: ['ES2022'],
  types: [],
  module: 'ESNext',
  moduleResolution: 'bundler',
  moduleDetection: 'force',
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  isolatedModules: true,
  allowJs: true,
  checkJs: true,
  strict: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: true,
  noEmit: true,
} as const

/** Names of a browser or of Node for which the compiler would advise to install their types. */
const ABSENT = [
  'process global window document navigator location localStorage sessionStorage module exports __dirname __filename',
  'Buffer fetch Headers Request Response FormData Blob File WebSocket XMLHttpRequest EventSource',
  'setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask requestAnimationFrame',
  'structuredClone atob btoa crypto performance URL URLSearchParams TextEncoder TextDecoder AbortController AbortSignal',
  'Event EventTarget MessageChannel Worker WebAssembly',
].flatMap((names) => names.split(' '))

/** The text of a `.d.ts`: what a program has beside ECMAScript, and what it would look for in vain. */
export const SANDBOX_TEXT = `\
// What a lakeloop transform finds beside ECMAScript. Made by: lakeloop check --sandbox

/** Up to 100 lines of a slice of rows reach the logs of the run. */
declare const console: {
  debug(...values: unknown[]): void
  log(...values: unknown[]): void
  info(...values: unknown[]): void
  warn(...values: unknown[]): void
  error(...values: unknown[]): void
}

/** A package of the list, or one of your own, by its quoted name. Types are those of an import where it is installed. */
declare function require(name: string): any

interface NotInTheSandbox {
  readonly 'not in the sandbox': never
}
${ABSENT.map((name) => `declare const ${name}: NotInTheSandbox\n`).join('')}`
