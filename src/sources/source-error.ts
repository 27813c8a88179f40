import { isLakeloopError, LakeloopError } from '../errors.js'
import type { Page, ReadOptions, Source } from './source.js'

/** What a source threw, as an error that names it and quotes nothing; `ABORTED` where it was told to end. */
export function sourceError(thrown: unknown, source: Source, signal?: AbortSignal): LakeloopError {
  if (isLakeloopError(thrown)) return thrown
  return new LakeloopError(signal?.aborted === true ? 'ABORTED' : 'SOURCE_FAILED', { source: source.name }, thrown)
}

/** The pages of a source. Throws {@link sourceError}; what the reader of the pages throws is its own. */
export async function* pagesFrom(source: Source, options: ReadOptions): AsyncGenerator<Page, void, undefined> {
  try {
    yield* source.read(options)
  } catch (thrown) {
    throw sourceError(thrown, source, options.signal)
  }
}
