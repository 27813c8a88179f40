/** When a row was read: the how-manieth run of the sync, and the how-manieth row of it. */
export type Order = readonly [turn: number, row: number]

export const isAfter = (a: Order, b: Order): boolean => a[0] > b[0] || (a[0] === b[0] && a[1] > b[1])
