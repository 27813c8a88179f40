/** The name that is most like `name` and close enough to be meant by it; of equals the first. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const distanceMax = Math.max(1, Math.floor(name.length / 3))
  let best: string | undefined
  let least = distanceMax + 1
  for (const candidate of names) {
    const distance = distanceOf(name.toLowerCase(), candidate.toLowerCase())
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function distanceOf(a: string, b: string): number {
  let older: number[] = []
  let before = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (before[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min((row[j - 1] as number) + 1, (before[j] as number) + 1, replaced)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) least = Math.min(least, (older[j - 2] as number) + 1)
      row.push(least)
    }
    older = before
    before = row
  }
  return before[b.length] as number
}
