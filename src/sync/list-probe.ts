import type { ListRef } from '../model/action.js'
import { actionBlock } from '../model/action-block.js'
import type { Reason } from '../model/value.js'
import type { RunContext } from './context.js'

const LIST_NAME_MAX = 255

/** Why a list cannot have this name; `undefined` where it can. */
export function misnamed(list: ListRef): Reason | undefined {
  const isName = list !== '' && String(list).length <= LIST_NAME_MAX && !/[\p{Cc}\p{Surrogate}]/u.test(String(list))
  if (isName) return undefined
  const problem = `names a list by a text that is empty, longer than ${LIST_NAME_MAX} characters or not well-formed`
  return { code: 'ACTION_INVALID', facts: { kind: 'membership', problem } }
}

/** Tells why a list cannot be written to, asked of the destination once per list and run. */
export type ListProbe = (list: ListRef, address: string) => Promise<Reason | undefined>

export function listProbe({ delivery, destination }: RunContext): ListProbe {
  const known = new Map<ListRef, Reason | undefined>()
  return async (list, address) => {
    if (known.has(list)) return known.get(list)
    const identifiers = { [destination.addressedBy]: address }
    const probe = actionBlock([{ kind: 'membership', identifiers, list, member: true }], [{ address }])
    const reason = (await delivery.prepare(probe)).refused[0]?.reason
    const ofTheList = reason?.code.startsWith('LIST_') || reason?.code === 'ACTION_UNSUPPORTED' ? reason : undefined
    if (ofTheList !== undefined || reason === undefined) known.set(list, ofTheList)
    return ofTheList
  }
}
