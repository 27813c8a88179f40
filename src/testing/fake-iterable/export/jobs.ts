import type { JsonObject } from '../../../model/value.js'

/** In lower case, whatever SW shows. Source: AC `src/types/export.ts`, EST. */
export type JobState = 'enqueued' | 'running' | 'completed' | 'failed' | 'cancelling' | 'cancelled'

/** How many run at once; the others wait. Source: SW (per organization). */
const AT_ONCE_MAX = 4

export interface ExportJob {
  readonly id: number
  readonly dataTypeName: string
  readonly isCsv: boolean
  readonly delimiter: string
  readonly rows: readonly JsonObject[]
  /** In ms: when it was asked for, begins and ends. */
  readonly madeAt: number
  beginsAt: number
  endsAt: number
  /** Set from outside, and stronger than the clock. */
  fate: { readonly state: 'failed' | 'cancelled'; readonly at: number } | undefined
}

/** The export jobs of a project. Each takes `tookMs`; how long one waits depends on the others. Source: SW, EST. */
export class Exports {
  readonly #now: () => number
  readonly #tookMs: number
  readonly jobs: ExportJob[] = []

  constructor(now: () => number, tookMs: number) {
    this.#now = now
    this.#tookMs = tookMs
  }

  start(what: Pick<ExportJob, 'dataTypeName' | 'isCsv' | 'delimiter' | 'rows'>): ExportJob {
    const madeAt = this.#now()
    const ends = this.jobs
      .filter((job) => ['enqueued', 'running'].includes(this.state(job)))
      .map(({ endsAt }) => endsAt)
      .sort((a, b) => a - b)
    const beginsAt = Math.max(madeAt + this.#tookMs / 4, ends.at(-AT_ONCE_MAX) ?? 0)
    const times = { madeAt, beginsAt, endsAt: beginsAt + this.#tookMs }
    const job = { ...what, ...times, id: 1 + this.jobs.length, fate: undefined }
    this.jobs.push(job)
    return job
  }

  state({ beginsAt, endsAt, fate }: ExportJob): JobState {
    const now = this.#now()
    if (fate?.state === 'failed') return 'failed'
    if (fate?.state === 'cancelled') return now < fate.at ? 'cancelling' : 'cancelled'
    return now < beginsAt ? 'enqueued' : now < endsAt ? 'running' : 'completed'
  }

  /** The share of its files that a job has written: they come while it runs. Source: SW. */
  progress(job: ExportJob): number {
    const { beginsAt, endsAt } = job
    if (this.state(job) === 'completed') return 1
    return Math.min(1, Math.max(0, (this.#now() - beginsAt) / Math.max(1, endsAt - beginsAt)))
  }

  /** For tests: a job fails. */
  fail(id: number): void {
    this.#end(id, 'failed')
  }

  /** For tests: a job that runs goes back to the queue, and keeps what it has (SW); it begins again after `tookMs / 4`. */
  requeue(id: number): void {
    const job = this.jobs.find((one) => one.id === id)
    if (job === undefined) return
    const left = job.endsAt - this.#now()
    job.beginsAt = this.#now() + this.#tookMs / 4
    job.endsAt = job.beginsAt + left
  }

  cancel(id: number): void {
    this.#end(id, 'cancelled')
  }

  #end(id: number, state: 'failed' | 'cancelled'): void {
    const job = this.jobs.find((one) => one.id === id)
    if (job === undefined || !['enqueued', 'running'].includes(this.state(job))) return
    job.fate = { state, at: this.#now() + this.#tookMs / 4 }
  }
}
