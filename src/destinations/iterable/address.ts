import { domainToASCII } from 'node:url'

/** Source: Iterable help 209082806 (validated in the style of Apache Commons, stored lower-case) and RFC 5321 4.5.3.1. */
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$/
/** Both at once: an email that is in its form already, as most are. */
const NORMAL = new RegExp(`${LOCAL.source.slice(0, -1)}@${DOMAIN.source.slice(1)}`)
const INVISIBLE = /[\u200b-\u200d\u2060\ufeff\u00ad]/g

/** The one form of an email that is sent and compared: trimmed, lower case, domain in ASCII. `undefined` if it is none. */
export function emailOf(raw: string): string | undefined {
  // Lengths are compared and not matched: two looks ahead took as long again as twice the rest.
  if (raw.length <= 254 && raw.indexOf('@') <= 64 && NORMAL.test(raw)) return raw
  const text = raw.replace(INVISIBLE, '').trim().toLowerCase()
  const at = text.lastIndexOf('@')
  const local = text.slice(0, Math.max(0, at))
  const given = text.slice(at + 1).replace(/\.$/, '')
  const domain = isAscii(given) ? given : domainToASCII(given)
  const fits = at > 0 && local.length <= 64 && domain.length <= 253
  return fits && LOCAL.test(local) && DOMAIN.test(domain) ? `${local}@${domain}` : undefined
}

/** Source: Iterable help 9216719179796 (52 characters) and api-docs.json `FailedUserUpdates.invalidUserIds` (which ones). */
const USER_ID = /^[\x21-\x7e](?:[\x20-\x7e]{0,50}[\x21-\x7e])?$/

/** A userId as it stands, since case and inner spaces count; `undefined` if Iterable takes none like it. */
export function userIdOf(raw: string): string | undefined {
  return USER_ID.test(raw) ? raw : undefined
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 0x7f) return false
  return true
}
