import { LakeloopError } from '../../errors.js'
import type { IterableClient } from '../../vendors/iterable/iterable-client.js'
import { emailOf, userIdOf } from './address.js'

/** Addresses handed over at once. */
const PART = 2_000
/** What Iterable took once and we would not: it is on the list all the same. */
const ODD = /^[^\s<>"{}]{1,254}$/
/** Characters of one line: an email has at most 254. */
const LINE_MAX = 4_096

/**
 * Who is on a list: one address a line, in no order, not paged. Takes minutes, for millions an hour.
 *
 * Throws  LIST_UNKNOWN; DESTINATION_ANSWER_UNCLEAR for anything else but a list that came to its end, and for one without
 *         members that Iterable counts some on (one more request).
 * Source: Iterable api-docs.json `lists/getUsers` (5 a minute; 503 where it takes too long); estuary/connectors
 *         `source-iterable-native` (duration, order). What an hour of it looks like on the wire: unsure.
 */
export async function* listMembers(
  client: IterableClient,
  { id, list, addressedBy }: { readonly id: number; readonly list: string | number; readonly addressedBy: string },
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  const endpoint = 'lists/getUsers'
  const query = `?listId=${id}&preferUserId=${addressedBy === 'userId'}`
  const { status, parts } = await client.stream(endpoint, signal, query)
  if (status === 400 || status === 404) throw new LakeloopError('LIST_UNKNOWN', { list })
  if (status !== 200) throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem: `${status}` })
  let isEmpty = true
  const own = addressedBy === 'userId' ? userIdOf : emailOf
  let found: string[] = []
  for await (const line of linesOf(parts)) {
    if (line === '') continue
    const address = own(line) ?? (ODD.test(line) ? line : undefined)
    // Whatever else stands there is no list: an error in the middle of a 200 must not pass for an end.
    if (address === undefined) {
      throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem: 'a line that is no address' })
    }
    isEmpty = false
    if (found.push(address) < PART) continue
    yield found
    found = []
  }
  if (found.length > 0) yield found
  if (isEmpty) await assertEmpty(client, id, signal)
}

/** Nobody at all may be an answer that got lost, and then everybody would be forgotten. The size is an answer of its own. */
async function assertEmpty(client: IterableClient, id: number, signal: AbortSignal): Promise<void> {
  const endpoint = 'lists/size'
  const { status, json } = await client.call(endpoint, signal, undefined, `/${id}/size`)
  if (status === 200 && String(json) === '0') return
  const problem = status === 200 ? 'another size than the members it shows' : `${status}`
  throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem })
}

async function* linesOf(parts: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of parts) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = (lines.pop() as string).slice(0, LINE_MAX)
    for (const line of lines) yield line.trim()
  }
  yield (rest + decoder.decode()).trim()
}
