import { isLakeloopError } from '../errors.js'

/** Rows that a commit aims at, counted beforehand; one cluster is never cut. */
export const COMMIT_ROWS_AIM = 2_000

/** How often a commit is tried again when another process was faster. */
export const ATTEMPTS_MAX = 10

/** Reads and commits anew while another process was faster. Throws STORE_CONFLICT after ten of them. */
export async function untilCommitted<Result>(attempt: () => Promise<Result>, max = ATTEMPTS_MAX): Promise<Result> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (count === max || !isLakeloopError(error, 'STORE_CONFLICT')) throw error
    }
  }
}
