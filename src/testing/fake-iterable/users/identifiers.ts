/**
 * Which identifiers Iterable takes. Source: HC-209082806 (email in the style of Apache Commons, stored in lower case),
 * HC-9216719179796 and SW `invalidUserIds` (userId: 1 to 52 printable ASCII characters, case-sensitive, no trailing space).
 */
const EMAIL = /^[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/
const USER_ID = /^[\x20-\x7e]{1,52}$/

/** The address as it is stored, or `undefined` if it is malformed. */
export function storedEmail(email: string): string | undefined {
  const stored = email.toLowerCase()
  const local = stored.slice(0, stored.lastIndexOf('@'))
  return EMAIL.test(stored) && !local.startsWith('.') && !local.endsWith('.') && !local.includes('..')
    ? stored
    : undefined
}

export const isUserId = (userId: string): boolean => USER_ID.test(userId) && !userId.endsWith(' ')
