/**
 * Whether a version lies in a range, of the forms that our own package.json has: `^1.2.3`, `>=1.2.3`, and several of `>=`, `<`
 * behind each other. A pre-release counts as what it comes before.
 *
 * Throws  TypeError for another form: a mistake in package.json.
 */
export function satisfies(version: string, range: string): boolean {
  const at = partsOf(version)
  return range.split(/\s+/).every((term) => {
    const [, sign = '', bound = ''] = /^(\^|>=|<)(\d.*)$/.exec(term) ?? []
    if (sign === '') throw new TypeError(`${term} is no range that is known here`)
    const to = compare(at, partsOf(bound))
    if (sign === '<') return to < 0
    return to >= 0 && (sign === '>=' || at[leading(partsOf(bound))] === partsOf(bound)[leading(partsOf(bound))])
  })
}

/** The place of the first part that is not zero: what `^` keeps. */
const leading = (parts: readonly number[]): number =>
  Math.max(
    0,
    parts.findIndex((part) => part > 0),
  )

function partsOf(version: string): readonly number[] {
  const [numbers = ''] = version.replace(/^v/, '').split(/[-+]/)
  const parts = numbers.split('.').map(Number)
  return [0, 1, 2].map((place) => parts[place] ?? 0)
}

function compare(a: readonly number[], b: readonly number[]): number {
  const place = [0, 1, 2].find((one) => a[one] !== b[one])
  return place === undefined ? 0 : (a[place] ?? 0) - (b[place] ?? 0)
}
