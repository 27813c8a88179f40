import { hash } from 'node:crypto'
import type { ActionBlock } from '../../model/action.js'
import { isStep, type Steps } from '../turns.js'
import { quoted } from './payload.js'

/** What an id is made of, besides the row's key. */
export interface Unnamed {
  readonly index: number
  readonly address: string
  readonly eventName: string
  readonly id: string | undefined
  readonly createdAt: number | undefined
}

/**
 * The id of every event of a block, in the order of the drafts: the one given, or one made of what the event is, so that
 * sending it again overwrites it and does not double it (I2).
 *
 * Shape   32 hex digits of SHA-256 over key, eventName and when it was (createdAt, else changedAt, else the payload).
 *         Without a key: over address, eventName, time and payload.
 * Laws    depends on the event alone, but for one thing: events of one key, name and time with different payloads are
 *         several events, and then each is made with its payload.
 * Source  Iterable help 206430615: ids are unique over all custom events of a project, and the later one overwrites.
 */
export function* eventIds(block: ActionBlock, drafts: readonly Unnamed[]): Steps<readonly string[]> {
  const first = new Map<string, number>()
  const several = new Set<string>()
  const ids: string[] = []
  for (const [at, draft] of drafts.entries()) {
    if (isStep(at)) yield
    const id = draft.id ?? made(block, draft, false)
    ids.push(id)
    if (draft.id !== undefined) continue
    const earlier = first.get(id)
    if (earlier === undefined) first.set(id, at)
    else if (!samePayload(block, drafts[earlier]?.index ?? 0, draft.index)) several.add(id)
  }
  if (several.size === 0) return ids
  for (const [at, draft] of drafts.entries()) {
    if (isStep(at)) yield
    if (draft.id === undefined && several.has(ids[at] as string)) ids[at] = made(block, draft, true)
  }
  return ids
}

function made(block: ActionBlock, { index, address, eventName, createdAt }: Unnamed, withPayload: boolean): string {
  const key = block.key(index)
  const when = createdAt ?? block.changedAt(index) ?? null
  const by = key === undefined ? '"address"' : '"key"'
  const said = `[${by},${quoted(key ?? address)},${quoted(eventName)},${typeof when === 'string' ? quoted(when) : when}]`
  const whole = withPayload || key === undefined || when === null
  const data = whole ? Buffer.concat([Buffer.from(said), block.payload(index)]) : said
  return hash('sha256', data, 'hex').slice(0, 32)
}

function samePayload(block: ActionBlock, left: number, right: number): boolean {
  return Buffer.compare(block.payload(left), block.payload(right)) === 0
}
