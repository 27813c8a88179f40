import { isLakeloopError } from '../errors.js'

/** How often a commit is tried again when another process was faster. */
export const ATTEMPTS_MAX = 10

/** Reads and commits anew while another process was faster. Throws STORE_CONFLICT after ten of them. */
export async function untilCommitted<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (count === ATTEMPTS_MAX || !isLakeloopError(error, 'STORE_CONFLICT')) throw error
    }
  }
}
