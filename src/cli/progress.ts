import type { RowCounts, Sync } from '../index.js'
import { count, spoken } from './report-text.js'
import { type Screen, StatusLine } from './screen.js'

/** What `progress` tells. `total` and `etaMs` where it is known how much there is. */
interface Progress {
  readonly rows: RowCounts
  readonly etaMs?: number | undefined
  readonly total?: number | undefined
}

const BAR = 24
/** Where nobody looks, a line now and then. */
const PLAIN_EVERY_MS = 10_000
const DRAW_EVERY_MS = 100

/** One line of how far a run is. */
export function progressText(sync: string, { rows, etaMs, total }: Progress, elapsedMs: number): string {
  const perSecond = elapsedMs > 0 ? `, ${count(Math.round((rows.read / elapsedMs) * 1_000))}/s` : ''
  const bad = (['rejected', 'parked'] as const)
    .filter((one) => rows[one] > 0)
    .map((one) => `, ${count(rows[one])} ${one}`)
  const left = etaMs === undefined ? '' : `, about ${spoken(etaMs)} left`
  if (total === undefined || total === 0) return `${sync}  ${count(rows.read)} rows${perSecond}${bad.join('')}${left}`
  const share = Math.min(1, rows.read / total)
  const full = Math.round(share * BAR)
  const bar = `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`
  return `${sync}  ${bar}  ${count(rows.read)} of ${count(total)} rows${perSecond}${bad.join('')}${left}`
}

/** Shows on the screen how a sync gets on, until the function that it gives is called. */
export function showProgress(sync: Sync, screen: Screen, now: () => number = Date.now): () => void {
  const line = new StatusLine(screen)
  const began = now()
  let next = began + (screen.live ? 0 : PLAIN_EVERY_MS)
  const tell = (text: string): void => line.tell(`${sync.name}: ${text}`)
  const heard = {
    start: ({ resumed }: { readonly resumed: boolean }) => {
      if (resumed) tell('goes on where an interrupted run stood')
    },
    progress: (event: Progress) => {
      if (now() < next) return
      next = now() + (screen.live ? DRAW_EVERY_MS : PLAIN_EVERY_MS)
      const text = progressText(sync.name, event, now() - began)
      if (screen.live) line.draw(text)
      else line.tell(text)
    },
    throttle: ({ endpoint, waitMs }: { readonly endpoint: string; readonly waitMs: number }) => {
      if (waitMs >= PLAIN_EVERY_MS) tell(`${endpoint} asks for a pause of ${spoken(waitMs)}`)
    },
  }
  sync.on('start', heard.start).on('progress', heard.progress).on('throttle', heard.throttle)
  return () => {
    line.clear()
    sync.off('start', heard.start).off('progress', heard.progress).off('throttle', heard.throttle)
  }
}
