import type { ChildProcess } from 'node:child_process'
import diagnostics from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** The sandboxes that are started while one watches: processes (they have no process id yet when they are announced) and threads. */
export class Watch {
  readonly processes: ChildProcess[] = []
  readonly threads: { ended: boolean; readonly worker: EventEmitter }[] = []
  readonly #process = (message: unknown): void => {
    this.processes.push((message as { process: ChildProcess }).process)
  }
  readonly #thread = (message: unknown): void => {
    const { worker } = message as { worker: EventEmitter }
    const thread = { ended: false, worker }
    worker.once('exit', () => {
      thread.ended = true
    })
    this.threads.push(thread)
  }

  constructor() {
    diagnostics.subscribe('child_process', this.#process)
    diagnostics.subscribe('worker_threads', this.#thread)
  }

  end(): void {
    diagnostics.unsubscribe('child_process', this.#process)
    diagnostics.unsubscribe('worker_threads', this.#thread)
  }

  pid(index: number): number {
    return this.processes[index]?.pid ?? 0
  }

  alive(): number[] {
    return this.processes.map(({ pid = 0 }) => pid).filter(isAlive)
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export async function isGone(pid: number, withinMs: number): Promise<boolean> {
  for (let waited = 0; waited < withinMs && isAlive(pid); waited += 20) await sleep(20)
  return !isAlive(pid)
}
