export interface Customer {
  readonly id: string
  readonly email: string
  readonly score: number
  readonly buys: boolean
}

/** 32 customers: a third at risk, some buy, and the address of one is none that Iterable takes. */
export const customers = (): readonly Customer[] =>
  Array.from({ length: 32 }, (_, n) => ({
    id: `c-${n}`,
    email: n === 11 ? 'nobody@example.invalid' : `person${n}@example.com`,
    score: n % 3 === 0 ? 0.9 : 0.1,
    buys: n % 8 === 2,
  }))

/** The others of a sync that has a longer life: what befalls the first of their rows. */
export type Fate = 'pushed' | 'thrown' | 'shoeless' | 'listless' | 'edited' | 'waiting' | 'leaving'
export const FATES: readonly Fate[] = ['pushed', 'thrown', 'shoeless', 'listless', 'edited', 'waiting', 'leaving']

/** Three of each; of those who leave nobody has anything left at the end. */
export const lives = (): readonly (Customer & { readonly fate: Fate })[] =>
  FATES.flatMap((fate) =>
    [0, 1, 2].map((n) => ({ id: `${fate}-${n}`, email: `${fate}${n}@example.com`, score: 0.1, buys: n === 1, fate })),
  )
