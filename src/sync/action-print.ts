import { fingerprint } from '../delta/fingerprint.js'
import type { ActionBlock } from '../model/action.js'
import { type FieldGroups, profilePrint } from './field-groups.js'

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
  {
    address,
    times,
    groups,
  }: { readonly address: string; readonly times: number; readonly groups: FieldGroups | undefined },
): string {
  const kind = block.kind(action)
  const since = times === 0 || kind === 'event' || kind === 'purchase' ? '' : ` ${times}`
  const about = kind === 'profile' ? since : `${address}${since}`
  const said = { address: about, kind, detail: block.detail(action), payload: block.payload(action) }
  return kind === 'profile' ? profilePrint(groups, said) : fingerprint(said)
}
