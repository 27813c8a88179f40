/** What lakeloop and the oracle do not agree about. */
export class Diverged extends Error {}

export function same<T extends string | number | boolean>(what: string, got: T, expected: T): void {
  if (got !== expected) throw new Diverged(`${what}: got ${got}, expected ${expected}`)
}

export function within(
  what: string,
  got: number,
  { least, most }: { readonly least: number; readonly most: number },
): void {
  if (got < least || got > most) throw new Diverged(`${what}: got ${got}, expected ${least} to ${most}`)
}
