/**
 * The order of two well-formed texts by their UTF-8 bytes: negative, zero or positive. It is the order of every key and
 * every list here, since JavaScript's `<` and `localeCompare` differ from each other and from every SQL engine.
 */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index)
    const right = b.charCodeAt(index)
    if (left !== right) return place(left) - place(right)
  }
  return a.length - b.length
}

/** Surrogates stand for the highest characters: in UTF-8 they come after U+E000 to U+FFFF. */
const place = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit)
