import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Entry, Key, Op, Store } from '../stores/store.js'

/**
 * Which claims one snapshot has shown, by their numbers: a bit each.
 *
 * Cost  of a list with n claims ever made, n / 8 bytes: 1.25 MB for ten million.
 */
export class Seen {
  #bits = new Uint8Array(1_024)

  add(claim: number): void {
    const at = claim >>> 3
    if (at >= this.#bits.length) {
      const more = new Uint8Array(Math.max(at + 1, this.#bits.length * 2))
      more.set(this.#bits)
      this.#bits = more
    }
    this.#bits[at] = (this.#bits[at] as number) | (1 << (claim & 7))
  }

  has(claim: number): boolean {
    return ((this.#bits[claim >>> 3] ?? 0) & (1 << (claim & 7))) !== 0
  }
}

const BYTES_EACH = 4

/**
 * An op that remembers that a snapshot has shown these claims. A whole audience of which nothing is new costs one entry a
 * page, and not one a claim.
 *
 * @param snapshot  the beginning of the key: project, list, sync and epoch
 * Repeat           the same claims again are the same entry.
 */
export function seenOp(snapshot: Key, claims: readonly number[]): Op {
  const bytes = Buffer.alloc(claims.length * BYTES_EACH)
  claims.forEach((claim, at) => {
    bytes.writeUInt32LE(claim, at * BYTES_EACH)
  })
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32)
  return { op: 'put', table: 'seen', key: [...snapshot, digest], value: bytes.toString('base64') }
}

/** Entries of a page of rows each: a scan must not hold the loop. */
const PAGE = 200

/** What a snapshot has shown so far. */
export async function readSeen(store: Store, snapshot: Key): Promise<Seen> {
  const seen = new Seen()
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('seen', { prefix: snapshot, after, limit: PAGE })
    for (const { value } of page) {
      const bytes = Buffer.from(value as string, 'base64')
      for (let at = 0; at < bytes.length; at += BYTES_EACH) seen.add(bytes.readUInt32LE(at))
    }
    if (page.length < PAGE) return seen
    after = page.at(-1)?.key
    await setImmediate() // a store that answers at once would never let the host's loop turn
  }
}

/** Higher than every digest. */
const BEHIND = 'g'

/** Forgets what other snapshots of the sync have shown of the list: a newer one has begun. */
export async function dropSeen(store: Store, snapshot: Key, fence: readonly Op[]): Promise<void> {
  const epoch = snapshot.at(-1)
  const isOther = ({ key }: Entry): boolean => key[snapshot.length - 1] !== epoch
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('seen', { prefix: snapshot.slice(0, -1), after, limit: PAGE })
    const gone = page.filter(isOther)
    const ops = gone.map(({ key }): Op => ({ op: 'delete', table: 'seen', key }))
    if (ops.length > 0) await store.commit([...fence, ...ops])
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    after = isOther(last) ? last.key : [...snapshot, BEHIND]
    await setImmediate() // a store that answers at once would never let the host's loop turn
  }
}
