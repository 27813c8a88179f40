/** Identifiers that join nobody, by namespace and reason. */
export type UnusableCounts = Readonly<Record<string, Readonly<Record<string, number>>>>

/** A line for each namespace. Reports and plans of earlier versions have none. */
export const unusableLines = (unusable: UnusableCounts = {}): readonly string[] =>
  Object.entries(unusable).map(([namespace, counts]) => {
    const told = Object.entries(counts).map(([why, times]) => `${times} ${why}`)
    return `  identifiers that join nobody: ${namespace}: ${told.join(', ')}`
  })
