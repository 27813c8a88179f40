import type { IdentityResolver } from '../../src/identity/resolver.js'
import type { Identifier } from '../../src/model/identifier.js'

export type Id = readonly [namespace: string, value: string]
export const textOf = (id: Id): string => id.join('=')
export const named = ([namespace, value]: Id): Identifier => ({ namespace, value })

export type Said = { readonly kind: 'deny' | 'merge' | 'block'; readonly pair: readonly [Id, Id] }

export const keyOf = ({ kind, pair: [a, b] }: Said): string =>
  [kind, ...(kind === 'block' ? [textOf(a)] : [a, b].map(textOf).sort())].join(' ')

export async function say(resolver: IdentityResolver, { kind, pair: [a, b] }: Said): Promise<void> {
  await (kind === 'block' ? resolver.block(named(a)) : resolver[kind](named(a), named(b)))
}

export async function takeBack(resolver: IdentityResolver, { kind, pair: [a, b] }: Said): Promise<void> {
  if (kind === 'block') await resolver.unblock(named(a))
  else await resolver[kind === 'deny' ? 'allow' : 'unmerge'](named(b), named(a))
}

/** What the oracle is to be told. */
export function wordsOf(said: readonly Said[]) {
  const of = (kind: Said['kind']) =>
    said.filter((one) => one.kind === kind).map(({ pair: [a, b] }) => [textOf(a), textOf(b)] as const)
  return [of('deny'), { merges: of('merge'), blocks: of('block').map(([a]) => a) }] as const
}
