/** What the thread of a `Matcher` begins with. */
export interface ThreadData {
  /** Where wishes wait that are too many for the memory. */
  readonly directory: string
  /** Of the fingerprints of the list. */
  readonly key: Uint8Array
}
