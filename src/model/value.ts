/**
 * Values: what a cell, a field or a payload may hold. JSON and nothing else, because it must cross the sandbox wall
 * and a store unchanged. How each column type becomes one of these is the table "Values" in docs/values.md.
 */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** A JSON object: one row, one payload, one stored value. */
export type JsonObject = { readonly [key: string]: Json }

/**
 * Why one row or one action was not delivered. `code` is a row of the table in errors.ts, or a word of the connector
 * that made it. `facts` are names, counts and types: never a field value, an identifier or an address (I7).
 */
export interface Reason {
  readonly code: string
  readonly facts: Readonly<Record<string, string | number | boolean>>
}
