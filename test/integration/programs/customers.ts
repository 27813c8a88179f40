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
