/** What a look at one thing found. */
export interface Finding {
  /** A sync of the config, or the machine. */
  readonly of: string
  readonly what: string
  /** `unsure`: it may be fine, and nobody can tell from here; or it works and is worth a word. */
  readonly status: 'fine' | 'unsure' | 'wrong'
  readonly problem?: string | undefined
  /** What to do, one thing a line. */
  readonly fix?: readonly string[] | undefined
}

type Told = Omit<Finding, 'of' | 'what'>

export const fine: Told = { status: 'fine' }
export const wrong = (problem: string, ...fix: readonly string[]): Told => ({ status: 'wrong', problem, fix })
export const unsure = (problem: string, ...fix: readonly string[]): Told => ({ status: 'unsure', problem, fix })
