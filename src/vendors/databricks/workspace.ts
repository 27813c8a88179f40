import type { Clock } from '../../transport/clock.js'
import type { Fetch } from '../../transport/http-client.js'
import { trustingFetch } from '../../transport/trusting-fetch.js'
import type { DatabricksAuth } from './auth.js'
import { checkedHost } from './host.js'
import { DatabricksToken } from './token.js'
import { UnityCatalog } from './unity-catalog.js'

export interface WorkspaceOptions {
  /** Of the source, for errors. */
  readonly name: string
  /** Of the options' owner, for errors: `DatabricksSource`. */
  readonly part: string
  readonly host: string
  readonly port?: number | undefined
  readonly auth: DatabricksAuth
  readonly allowPrivateHost?: boolean | undefined
  readonly customCaCert?: string | undefined
  readonly fetch?: Fetch | undefined
  readonly clock?: Clock | undefined
}

/**
 * One workspace, and one token for all that is asked of it.
 *
 * Throws  OPTION_INVALID, CREDENTIALS_MISSING at construction.
 */
export class Workspace {
  /** As in a URL. */
  readonly host: string
  readonly token: DatabricksToken
  readonly unityCatalog: UnityCatalog

  constructor(options: WorkspaceOptions) {
    const { part, customCaCert, fetch } = options
    this.host = checkedHost(options.host, options)
    const trusting =
      customCaCert === undefined ? undefined : trustingFetch(customCaCert, { part, option: 'customCaCert' })
    const access = { ...options, host: this.host, fetch: fetch ?? trusting }
    this.token = new DatabricksToken(access)
    this.unityCatalog = new UnityCatalog({ ...access, token: this.token })
  }

  /** Ends what is under way. Idempotent. */
  close(): void {
    this.token.close()
  }
}
