import { LakeloopError } from '../../errors.js'
import type { JsonObject, Reason } from '../../model/value.js'
import type { IterableClient } from '../../vendors/iterable/iterable-client.js'
import { ListDirectory, listEntries } from './list-directory.js'
import { OnceEach } from './once-each.js'

/** Makes lists that were not there at `open`, each once per delivery. */
export class ListMaker {
  readonly #client: IterableClient
  readonly #made = new OnceEach<{ readonly id: number } | Reason>()

  constructor(client: IterableClient) {
    this.#client = client
  }

  /**
   * The number of the list of this name, which is made if it is not there.
   *
   * Repeat  looked up before it is made (I2): an attempt whose answer was lost may have made it. Requests that need the
   *         same list at the same time share one attempt; a failed one is forgotten.
   */
  idOf(name: string, signal: AbortSignal): Promise<{ readonly id: number } | Reason> {
    return this.#made.of(name, () => this.#foundOrMade(name, signal))
  }

  async #foundOrMade(name: string, signal: AbortSignal): Promise<{ readonly id: number } | Reason> {
    const found = new ListDirectory(await readLists(this.#client, signal), { create: true }).find(name)
    if ('code' in found) return found
    if (found.id !== undefined) return { id: found.id }
    const { status, json } = await this.#client.call('lists/create', signal, Buffer.from(JSON.stringify({ name })))
    const listId = status === 200 || status === 201 ? (json as JsonObject | null)?.listId : undefined
    if (typeof listId === 'number') return { id: listId }
    const endpoint = 'lists/create'
    if (status >= 400 && status < 500 && status !== 408) {
      throw new LakeloopError('DESTINATION_REFUSED', { endpoint, problem: `${status} for a new list` })
    }
    throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem: `${status} without a number` })
  }
}

/** All lists of the project. Throws DESTINATION_ANSWER_UNCLEAR if the answer is something else. */
export async function readLists(client: IterableClient, signal: AbortSignal) {
  const { status, json } = await client.call('lists/get', signal)
  const entries = status === 200 ? listEntries(json) : undefined
  if (entries !== undefined) return entries
  throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint: 'lists/get', problem: `${status} without lists` })
}
