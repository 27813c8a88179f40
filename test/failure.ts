import { isLakeloopError, type LakeloopError } from '../src/errors.js'

/** The error of ours that work ends in. Throws  anything else it ends in, and if it does not fail. */
export async function failure(work: Promise<unknown>): Promise<LakeloopError> {
  try {
    await work
  } catch (error) {
    if (isLakeloopError(error)) return error
    throw error
  }
  throw new Error('it did not fail')
}
