/** The helpers of `spark`, as a program sees them. There are none yet: the name is there, and holds nothing. */
export const SPARK_TEXT = `\
/** Helpers for values of Spark: there are none yet. */
export type Spark = { readonly [helper: string]: undefined }
`
