/**
 * Frees bytes at once that nobody holds any more: they become empty. V8 lets 32 MB of such bytes pile up before it collects them, and
 * what a cipher gives is as long as all that goes through it.
 */
export function release(all: readonly Uint8Array[]): void {
  const own = all.filter(({ buffer, length }) => buffer.byteLength === length) // others share theirs
  structuredClone(undefined, { transfer: own.map(({ buffer }) => buffer as ArrayBuffer) })
}
