/**
 * Which identifiers Iterable takes. Source: HC-209082806 (email in the style of Apache Commons, with a top-level domain that
 * there is), HC-9216719179796 and SW `invalidUserIds` (userId: 1 to 52 printable ASCII characters, case-sensitive, no
 * trailing space).
 */
const EMAIL = /^[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/
/** Names that are no top-level domain, and never will be. Source: RFC 2606, 6761 and 9476; ICANN's list of 2018 and 2024. */
const NO_DOMAIN = /\.(?:alt|corp|example|home|internal|invalid|lan|local|localhost|mail|onion|test)$/
/** Letters of other scripts, and quoted local parts: whether they are taken is unsure. */
const OTHER = /^(?:"[^"\\\s]{1,62}"|[^\s@"<>()[\],;:\\]{1,64})@(?:[\p{L}\p{N}-]{1,63}\.)+[\p{L}\p{N}-]{2,63}$/u
const USER_ID = /^[\x20-\x7e]{1,52}$/

export function isEmail(email: string, takesOthers: boolean): boolean {
  const stored = email.toLowerCase()
  const local = stored.slice(0, stored.lastIndexOf('@'))
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..') || NO_DOMAIN.test(stored)) return false
  return EMAIL.test(stored) || (takesOthers && OTHER.test(stored))
}

export const isUserId = (userId: string): boolean => USER_ID.test(userId) && !userId.endsWith(' ')
