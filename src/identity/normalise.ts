import { domainToASCII } from 'node:url'

/** The longest identifier that is taken, in characters. Source: Adobe Experience Platform, guardrails for identities. */
export const VALUE_LENGTH_MAX = 1_024

/** How a namespace writes its values: `id` keeps the case, since upper and lower may be two people. */
export type Normalisation = 'email' | 'phone' | 'id' | 'idUpper' | 'idLower'

const PLAIN_EMAIL = /^[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/
const INVISIBLE = /[\u00ad\u200b-\u200d\u2060\ufeff]/g
const IMPOSSIBLE = /[\s<>()[\]:;,\\"@\p{Cc}\p{Surrogate}]/u

/**
 * An email in the one form under which it is compared and sent, or `undefined` where it is none.
 *
 * Trimmed, invisible characters removed, NFC (not NFKC, which makes another mailbox of some), both sides of the last `@`
 * in lower case, the domain in ASCII. Dots and plus-tags stay: the destination takes the variants for different users,
 * and the person asked for that one.
 *
 * Laws    normaliseEmail(normaliseEmail(x)) equals normaliseEmail(x).
 */
export function normaliseEmail(raw: string): string | undefined {
  const lower = raw.trim().toLowerCase()
  if (lower.length <= 254 && PLAIN_EMAIL.test(lower)) return lower
  const text = lower.replace(INVISIBLE, '').trim().normalize('NFC').toLowerCase().normalize('NFC')
  const at = text.lastIndexOf('@')
  const [local, domain] = [text.slice(0, Math.max(at, 0)), asciiDomain(text.slice(at + 1))]
  if (local === '' || local.length > 64 || IMPOSSIBLE.test(local) || domain === undefined) return undefined
  return `${local}@${domain}`
}

function asciiDomain(text: string): string | undefined {
  const named = text.endsWith('.') ? text.slice(0, -1) : text
  if (/[\0-,/:-@[-^`{-\x7f]/.test(named)) return undefined // what a URL parser would read as something else
  const domain = /^[\0-\x7f]*$/.test(named) ? named : domainToASCII(named)
  if (domain.length > 253 || !domain.includes('.') || /^\d+(?:\.\d+){3}$/.test(domain)) return undefined
  return domain.split('.').every((label) => label !== '' && label.length <= 63) ? domain : undefined
}

/**
 * A phone number as E.164, or `undefined`. National forms need a region, which is never guessed: hand in a
 * `phoneNormalizer` for them; what it gives is held to the same form.
 *
 * Source  ITU-T E.164: at most 15 digits, of which the first is not 0.
 */
export function normalisePhone(
  raw: string,
  phoneNormalizer: (raw: string) => string | undefined = (text) => text,
): string | undefined {
  const phone = phoneNormalizer(raw.trim())
  return typeof phone === 'string' && /^\+[1-9]\d{6,14}$/.test(phone) ? phone : undefined
}

/**
 * Any other id: trimmed and NFC; `undefined` if nothing is left, it is too long, no well-formed text, or has control
 * characters in it: those are of a broken export and not of a name.
 */
export function normaliseId(raw: string, letters?: 'upper' | 'lower'): string | undefined {
  // Capitals are not always composed as their small letters were: hence NFC on both sides.
  let text = raw.trim().normalize('NFC')
  if (letters === 'upper') text = text.toUpperCase().normalize('NFC')
  if (letters === 'lower') text = text.toLowerCase().normalize('NFC')
  return text === '' || text.length > VALUE_LENGTH_MAX || /[\p{Cc}\p{Surrogate}]/u.test(text) ? undefined : text
}

/** By the rule of a namespace. */
export function normaliseAs(
  rule: Normalisation,
  raw: string,
  phoneNormalizer?: (raw: string) => string | undefined,
): string | undefined {
  if (rule === 'email') return normaliseEmail(raw)
  if (rule === 'phone') return normalisePhone(raw, phoneNormalizer)
  return normaliseId(raw, rule === 'idUpper' ? 'upper' : rule === 'idLower' ? 'lower' : undefined)
}

const JUNK = new Set(
  `null|undefined|none|n/a|na|nil|unknown|not set|(not set)|anonymous|guest|test|void|0|-1|00000000-0000-0000-0000-000000000000`.split(
    '|',
  ),
)
const JUNK_PATTERNS: Readonly<Record<Normalisation, readonly RegExp[]>> = {
  email: [/^test@test\./, /^(?:noreply|no-reply|donotreply)@/],
  /** Eight times one digit at the end: a number that was typed to get past a form. */
  phone: [/(\d)\1{7}$/],
  id: [],
  idUpper: [],
  idLower: [],
}

/** True for what forms and exports hold where nothing is known: it would join strangers. Takes raw and normalised values. */
export function isJunk(rule: Normalisation, value: string): boolean {
  const text = value.trim().toLowerCase()
  const first = text[0]
  if (JUNK.has(text) || first === undefined) return true
  // Each pattern is asked for what can match it, since nearly nothing does.
  if ((first === '0' || first === '-') && /^[0-]*$/.test(text)) return true
  if (text.length > 5 && (text.endsWith(first) || first >= '\ud800') && /^(.)\1{5,}$/su.test(text)) return true
  return JUNK_PATTERNS[rule].some((pattern) => pattern.test(text))
}

/** Mailboxes of a role, which many share: their hub limit is lower from the start. */
export function isRoleMailbox(email: string): boolean {
  return /^(?:info|support|sales|admin|office)@/.test(email)
}
