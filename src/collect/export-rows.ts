import { hash } from 'node:crypto'
import type { Row, Schema } from '../model/row.js'
import type { Json, JsonObject } from '../model/value.js'
import { timeIn } from './export-time.js'

const text = (name: string, nullable = true) => ({ name, type: 'string', nullable })

/**
 * The columns of an export, whatever it is of: who, when, and the line itself, since its fields differ from line to line.
 *
 *     id          names the row: a digest, of a user of who it is, of an event of what tells it from others
 *     at          when it happened, or the user last changed; null where that cannot be read
 *     person      names whoever it is about, as JSON: the key of a record of `identity.ingest`; null where it says nobody
 *     raw         the line: JSON
 */
export const EXPORT_SCHEMA: Schema = {
  columns: [
    text('id', false),
    text('dataType', false),
    { name: 'at', type: 'timestamp', nullable: true },
    text('person'),
    text('email'),
    text('userId'),
    text('itblUserId'),
    text('raw', false),
  ],
}

/** One line of an export as a row. Throws SyntaxError for what is no JSON. */
export function rowOfLine(line: string, dataType: string): Row {
  const fields = JSON.parse(line) as JsonObject
  const isUser = dataType === 'user'
  const email = emailIn(fields.email)
  const [userId, itblUserId] = [nameIn(fields.userId), nameIn(fields.itblUserId)]
  const shown = { userId, itblUserId, email: email?.toLowerCase() ?? null }
  const person = isUser ? steadiest(shown) : all(shown)
  const at = (isUser ? fields.profileUpdatedAt : fields.createdAt) ?? null
  const told = isUser ? [person ?? line] : [at, person, ...marksOf(fields)]
  const id = hash('sha256', JSON.stringify([dataType, ...told])).slice(0, 32)
  return { id, dataType, at: timeIn(at), person, email, userId, itblUserId, raw: line }
}

/** Whom nothing is ever mailed to: Iterable makes such an address up where there is none. Source: help 208499956. */
const MADE_UP = /@placeholder\.email$/i

function emailIn(value: Json | undefined): string | null {
  const email = nameIn(value)
  return email === null || MADE_UP.test(email) ? null : email
}

const nameIn = (value: Json | undefined): string | null =>
  typeof value === 'string' && value.trim() !== '' ? value : null

type Shown = Readonly<Record<string, string | null>>

/** Of a user, who is shown as they are now: what changes last. A new email takes the place of the former one then. */
const steadiest = (shown: Shown): string | null => named(Object.entries(shown).filter(known).slice(0, 1))

/** Of an event, which shows somebody as they were: all of it, so that each such set is one record. */
const all = (shown: Shown): string | null => named(Object.entries(shown).filter(known))

const known = ([, value]: readonly [string, string | null]): boolean => value !== null

const named = (shown: readonly (readonly [string, string | null])[]): string | null =>
  shown.length === 0 ? null : JSON.stringify(Object.fromEntries(shown))

/**
 * What tells events of one person and one second apart, of what both exports and webhooks show: no event has an id of its own.
 *
 * Source  estuary/connectors `source-iterable-native` and fivetran `stg_iterable.yml`, which hash campaign, name and time.
 */
function marksOf(fields: JsonObject): readonly Json[] {
  const { messageId, campaignId, url, clickedUrl, ip, eventName, id } = fields
  const subscribed = ['emailListIds', 'channelIds', 'messageTypeIds'].map((name) => sorted(fields[name]))
  return [messageId ?? campaignId, url ?? clickedUrl, ip, eventName, id, ...subscribed].map((one) => one ?? null)
}

const sorted = (value: Json | undefined): Json | undefined =>
  Array.isArray(value) ? [...value].map((one) => JSON.stringify(one)).sort() : value
