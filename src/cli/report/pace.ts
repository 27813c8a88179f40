import type { BatchEntry } from '../../index.js'

/** How fast a run sent, over its time. */
export interface Pace {
  /** When a stretch began, `10:05:30` in UTC; oldest first. */
  readonly columns: readonly string[]
  /** Actions settled per second in each stretch. */
  readonly perSecond: readonly number[]
  /** Seconds of each stretch. */
  readonly seconds: number
}

/** Stretches that are drawn at most. */
const COLUMNS_MAX = 60

/** Over the whole of the time between the first request and the last, in stretches of whole seconds. */
export async function paceOf(batches: AsyncIterable<Pick<BatchEntry, 'at' | 'actions'>>): Promise<Pace | undefined> {
  const bySecond = new Map<number, number>()
  for await (const { at, actions } of batches) {
    const second = Math.floor(Date.parse(at) / 1_000)
    bySecond.set(second, (bySecond.get(second) ?? 0) + actions)
  }
  if (bySecond.size === 0) return undefined
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const second of bySecond.keys()) [first, last] = [Math.min(first, second), Math.max(last, second)]
  const seconds = Math.ceil((last - first + 1) / COLUMNS_MAX)
  const sums = new Array<number>(Math.ceil((last - first + 1) / seconds)).fill(0)
  for (const [second, actions] of bySecond) {
    const at = Math.floor((second - first) / seconds)
    sums[at] = (sums[at] ?? 0) + actions
  }
  const columns = sums.map((_, at) => new Date((first + at * seconds) * 1_000).toISOString().slice(11, 19))
  return { columns, perSecond: sums.map((sum) => Math.round(sum / seconds)), seconds }
}
