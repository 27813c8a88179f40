import type { Parameter } from './answer.js'

/** What came in at the door. */
export interface SeenRequest {
  /** The call's name, or method and path where it is none. */
  readonly call: string
  readonly userAgent: string | undefined
  readonly authorization: string | undefined
}

export interface SeenSession {
  readonly id: string
  readonly configuration: Readonly<Record<string, string>>
  closed: boolean
}

export interface SeenStatement {
  readonly id: string
  readonly session: string
  readonly sql: string
  readonly parameters: Readonly<Record<string, Parameter>>
  /** `key:value,key:value`. */
  readonly tags: string | undefined
  readonly asksLinks: boolean
  readonly asksLz4: boolean
  fetches: number
  /** How it ended on the server. */
  ended: 'closed' | 'cancelled' | 'evicted' | undefined
}

/** Everything that the fake saw. */
export class Ledger {
  readonly requests: SeenRequest[] = []
  readonly sessions: SeenSession[] = []
  readonly statements: SeenStatement[] = []
  /** Statements that nobody foresaw. */
  readonly unanswered: string[] = []
  #watchers: { readonly holds: () => boolean; readonly go: () => void }[] = []

  calls(name: string): number {
    return this.requests.filter(({ call }) => call === name).length
  }

  /** Resolves as soon as what the ledger says is so. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((go) => {
      this.#watchers.push({ holds, go })
      this.changed()
    })
  }

  /** For the fake: something was written down. */
  changed(): void {
    for (const watcher of this.#watchers.filter(({ holds }) => holds())) {
      this.#watchers = this.#watchers.filter((one) => one !== watcher)
      watcher.go()
    }
  }
}
