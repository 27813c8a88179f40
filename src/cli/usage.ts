/** A mistake on the command line: what is wrong, for a person. */
export class UsageError extends Error {}

/** What reads the command line throws is a mistake on it. */
export function orUsage<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** A number that was written on the command line. Throws UsageError that says what it may be. */
export function numberOf(name: string, text: string, { min = 0, max, whole = true }: Bounds): number {
  const value = Number(text)
  const isFine = text.trim() !== '' && value >= min && value <= max && (!whole || Number.isInteger(value))
  if (!isFine) throw new UsageError(`--${name} is a ${whole ? 'whole ' : ''}number from ${min} to ${max}`)
  return value
}

interface Bounds {
  readonly min?: number
  readonly max: number
  readonly whole?: boolean
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of a length of time such as `90s`, `5m` or `1.5h`; a bare number is seconds. Throws UsageError. */
export function durationOf(name: string, text: string, { min = 0, max }: Omit<Bounds, 'whole'>): number {
  const [, count = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim()) ?? []
  const ms = Math.round(Number(count) * (UNITS[unit] ?? Number.NaN))
  if (count === '' || !(ms >= min && ms <= max)) {
    throw new UsageError(`--${name} is a time such as 30s, 5m or 1h, from ${spokenMs(min)} to ${spokenMs(max)}`)
  }
  return ms
}

function spokenMs(ms: number): string {
  const [unit = 'ms', size = 1] = Object.entries(UNITS).findLast(([, each]) => ms >= each && ms % each === 0) ?? []
  return `${ms / size}${unit}`
}
