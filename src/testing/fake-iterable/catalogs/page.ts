import { query } from '../route.js'
import type { FakeRequest } from '../wire/answer.js'

/** Source: SW (default 10). */
const PAGE = 10

/** One page of rows, counted from 1, and the addresses of its neighbours. Source: SW, AC `src/types/catalogs.ts`. */
export function page<T>(request: FakeRequest, all: readonly T[], path: string) {
  const number = Math.max(1, Number(query(request, 'page') ?? 1))
  const size = Math.max(1, Number(query(request, 'pageSize') ?? PAGE))
  const url = (of: number) => `${path}?page=${of}&pageSize=${size}`
  const urls = {
    ...(number * size < all.length && { nextPageUrl: url(number + 1) }),
    ...(number > 1 && { previousPageUrl: url(number - 1) }),
  }
  return { rows: all.slice((number - 1) * size, number * size), urls }
}
