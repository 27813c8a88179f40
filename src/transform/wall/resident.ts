import { readFileSync } from 'node:fs'

/**
 * What a process may hold in MB besides its heap: itself (50), and the frames of a request and of its answer, which are there
 * more than once while they are read or made. A single text, or a parser, may go past the heap's limit for a moment, too.
 */
const BESIDES_MB = 512
/** A core fills some 100 MB in this time. */
const LOOK_MS = 50

/** In MB, swapped out or not; `undefined` where the system does not tell: everywhere but on Linux. */
function residentMb(pid: number): number | undefined {
  let status: string
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return undefined
  }
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(status)?.[1]
  const swapped = /^VmSwap:\s+(\d+)/m.exec(status)?.[1] ?? 0
  return kilobytes === undefined ? undefined : (Number(kilobytes) + Number(swapped)) / 1_024
}

/**
 * Looks at how much memory a process holds while it works: V8's limit is that of its heap, and bytes live outside of it.
 *
 * Cost   a file of the kernel's is read every 50 ms, about 0.05 ms each; a request that ends before costs nothing.
 */
export class ResidentWatch {
  readonly #pid: number
  readonly #mostMb: number
  readonly #over: () => void
  #timer: NodeJS.Timeout | undefined
  #lookedAt = performance.now()

  /** @param over  is called where the process holds more than its heap's limit and what it needs besides */
  constructor(pid: number, memoryMb: number, over: () => void) {
    this.#pid = pid
    this.#mostMb = memoryMb + BESIDES_MB
    this.#over = over
  }

  start(): void {
    this.stop()
    // Many short requests are looked at as one long one is.
    if (performance.now() - this.#lookedAt >= LOOK_MS) this.#look()
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    this.#lookedAt = performance.now()
    const heldMb = residentMb(this.#pid)
    if (heldMb === undefined || heldMb <= this.#mostMb) return
    this.stop()
    this.#over()
  }
}
