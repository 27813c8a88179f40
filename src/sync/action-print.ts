import { fingerprint } from '../delta/fingerprint.js'
import type { ActionBlock } from '../model/action.js'

/**
 * Fingerprint of an action. A profile's is kept under its address and moves along with it; any other belongs to its row,
 * wherever it went.
 *
 * @param times  how often the person has left: what was sent before is not there any more. Of events and purchases it does
 *               not count where they stand.
 */
export function printOf(
  block: ActionBlock,
  action: number,
  { address, times }: { readonly address: string; readonly times: number },
): string {
  const kind = block.kind(action)
  const said = { kind, detail: block.detail(action), payload: block.payload(action) }
  const since = times === 0 || kind === 'event' || kind === 'purchase' ? '' : ` ${times}`
  return fingerprint({ ...said, address: `${kind === 'profile' ? '' : address}${since}` })
}
