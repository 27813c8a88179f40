import type { Resolution } from '../identity/resolver.js'
import type { Entry } from '../stores/store.js'
import type { ProfileWrite } from './address-memory.js'
import { newcomerOf } from './first-writes.js'
import type { Sending } from './under-way.js'

/** An action that was kept, as it is about to be sent. */
interface Rest {
  readonly entry: Entry
  readonly resolution: Extract<Resolution, { status: 'resolved' }>
  readonly write?: ProfileWrite | undefined
}

/** What is new of it is written down before it is sent; what it replaces stays where it is kept until there is an answer. */
export function sendingOf({ entry, resolution, write }: Rest): Sending {
  return { replaces: false, address: resolution.address, key: entry.key, write, bind: newcomerOf(resolution) }
}
