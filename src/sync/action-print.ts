import { fingerprint } from '../delta/fingerprint.js'
import type { ActionBlock } from '../model/action.js'
import type { Identifiers } from '../model/identifier.js'
import { type FieldGroups, profilePrint } from './field-groups.js'

/** Whom a print is for, and how profiles are printed. */
interface For {
  readonly address: string
  /** How often the person has left: what was sent before is not there any more. */
  readonly times: number
  readonly groups: FieldGroups | undefined
  /** Namespaces of which an identifier means a person, the strongest first, without that of addresses. */
  readonly anchors: readonly string[]
}

/**
 * Fingerprint of an action. A profile's is kept under its address and moves along with it; any other belongs to its row,
 * wherever it went.
 *
 * Shape   of an event or a purchase it has a second part, for the customer id (or whatever means the person) in place of the
 *         address: what happened once is not told a second time because the person has moved. How often the person has left
 *         does not count there.
 */
export function printOf(block: ActionBlock, action: number, { address, times, groups, anchors }: For): string {
  const kind = block.kind(action)
  const detail = block.detail(action)
  const payload = block.payload(action)
  if (kind === 'event' || kind === 'purchase') {
    const print = fingerprint({ address, kind, detail, payload })
    const who = personOf(block.identifiers(action), anchors)
    return who === undefined
      ? print
      : `${print} ${fingerprint({ address: who, kind, detail, payload }).slice(0, LETTERS)}`
  }
  const since = times === 0 ? '' : ` ${times}`
  const about = kind === 'profile' ? since : `${address}${since}`
  const said = { address: about, kind, detail, payload }
  return kind === 'profile' ? profilePrint(groups, said) : fingerprint(said)
}

/** True for prints of the same: for the same address, or for the same person. Those that earlier versions kept have one part. */
export function isSamePrint(one: string, other: string): boolean {
  if (one === other) return true
  const [[address, who], [otherAddress, otherWho]] = [one.split(' '), other.split(' ')]
  return address === otherAddress || (who !== undefined && who === otherWho)
}

/** 60 bits. */
const LETTERS = 10

function personOf(bag: Identifiers, anchors: readonly string[]): string | undefined {
  const name = anchors.find((one) => bag[one] !== undefined)
  return name === undefined ? undefined : JSON.stringify([name, bag[name]])
}
