import { Refused } from './refused.js'

const NETWORK = 'A transform has no network: let the query, or the host, bring what the rows need'
const TIMERS = 'A transform has no timers, and none of its promises has to wait: leave waiting to the host'
const BYTES = 'A transform has no memory outside of its heap: use arrays, and js-base64 for Base64'
const BROWSER = 'A transform gets rows and returns actions, in no browser'
const EVENTS = 'A transform is called once for a row, and hears of nothing else: call functions of your own'
const CODE = 'A transform makes no code of text: write a function'

/** What to do without it, by names that Node or a browser would have. Packages are those of docs/packages.md. */
const INSTEAD: readonly (readonly [names: string, instead: string])[] = [
  ['fetch Headers Request Response FormData XMLHttpRequest WebSocket EventSource CloseEvent navigator', NETWORK],
  ['setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate requestAnimationFrame', TIMERS],
  ['queueMicrotask', 'Use Promise.resolve().then()'],
  ['process Deno Bun', 'A transform has no environment: put a setting into the program, or into a column of the query'],
  ['global window self', 'Use globalThis, or a variable of the file'],
  ['module exports', 'Use export default'],
  ['__dirname __filename', 'A transform has no files: import data of a .json file beside it'],
  ['Buffer ArrayBuffer SharedArrayBuffer Atomics DataView Blob File TextEncoder TextDecoder', BYTES],
  ['Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float16Array', BYTES],
  ['Float32Array Float64Array BigInt64Array BigUint64Array WebAssembly', BYTES],
  ['atob btoa', 'Import js-base64'],
  ['structuredClone', 'Spread the object, or import klona'],
  ['crypto Crypto CryptoKey SubtleCrypto', 'Import uuid or nanoid for ids, js-sha256 or md5 for hashes'],
  [
    'performance Performance PerformanceEntry PerformanceMark PerformanceMeasure PerformanceObserver',
    'Use Date.now(), which is the time of the call',
  ],
  ['URL URLPattern', 'Import tldts for hosts, query-string for what stands behind a question mark'],
  ['URLSearchParams', 'Import qs or query-string'],
  ['Intl', 'Import date-fns-tz or luxon for zones, currency.js or numeral for amounts'],
  ['WeakRef FinalizationRegistry', 'Use a Map, or a WeakMap: nothing lives longer than a slice of rows'],
  ['eval Function ShadowRealm', CODE],
  ['AbortController AbortSignal Event EventTarget CustomEvent MessageEvent DOMException Worker', EVENTS],
  ['MessageChannel MessagePort BroadcastChannel', EVENTS],
  [
    'ReadableStream WritableStream TransformStream TextEncoderStream TextDecoderStream CompressionStream DecompressionStream',
    'A transform gets whole rows and returns whole actions: use arrays',
  ],
  ['document location localStorage sessionStorage alert Storage', BROWSER],
  [
    'Iterator SuppressedError DisposableStack AsyncDisposableStack',
    'Not every line of Node has it: use an array, or try',
  ],
]
const BY_NAME = new Map(INSTEAD.flatMap(([names, instead]) => names.split(' ').map((name) => [name, instead])))

/** What to use instead of a global that Node has and a transform has not; `undefined` for any other name. */
const insteadOf = (name: string): string | undefined => BY_NAME.get(name)

/** For a name that is spelled as it should be, and is not there. */
export function absent(at: string, name: string): Refused | undefined {
  const instead = insteadOf(name)
  return instead === undefined ? undefined : new Refused('TRANSFORM_ABSENT', { at, name, instead })
}
