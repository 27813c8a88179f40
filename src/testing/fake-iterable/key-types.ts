/** Source: HC-360043464871. */
export const CLIENT_KEY_TYPES = ['mobile', 'javaScript', 'web'] as const
export const KEY_TYPES = ['serverSide', 'readOnly', ...CLIENT_KEY_TYPES] as const
export type KeyType = (typeof KEY_TYPES)[number]

/** What kind of key it is; `jwt` is the one token that it wants besides. Only keys of clients can want one. */
export type FakeKey = KeyType | { readonly type: (typeof CLIENT_KEY_TYPES)[number]; readonly jwt: string }
