export const USAGE = `lakeloop check [options] FILE            looks for what is wrong with a transform before a run does

  --row FILE           row types that sync.types() made; by itself churn.row.d.ts beside churn.transform.ts or churn.js
  --batch, --root DIR  as the options of Transform.fromFile
  --package NAME=FILE  a package of your own, as the option packages; may be said again
  --json               one JSON object instead of a line per problem
  --sandbox            prints the declarations of what a program has beside ECMAScript, for the tsconfig of an editor

A line per problem: FILE:LINE:COLUMN CODE MESSAGE. Ends with 0 if there is none, else 1; 2 is a mistake on the command line.

lakeloop fake-iterable [options]     a fake of Iterable's API on this machine, for trying things by hand

  --port N             where it listens, on 127.0.0.1 (4010; 0 takes any that is free)
  --project-type T     email, userId or hybrid (email)
  --key K              the key that it takes (fake-key)
  --list NAME          a list that is there already; may be said again
  --seed N             faults at random, but none that lets a request wait for ever; the same seed and requests,
                       the same faults
  --fault-rate R       how many requests meet one, from 0 to 1 (0.1; with --seed)

Give its address as baseUrl, and its key as apiKey. Its page at / shows what it holds. What lies below /fake/ steers it:

  curl localhost:4010/fake/faults -d '{"next":"reset after apply","endpoint":"users/bulkUpdate"}'
  curl localhost:4010/fake/faults      which faults and endpoints there are, and which faults did something

Ctrl-C ends it, and what it held is gone.

lakeloop --help, -h                  this, behind any command
lakeloop --version, -v               the version of the package
`

/** A mistake on the command line: what is wrong, for a person. */
export class UsageError extends Error {}

/** What reads the command line throws is a mistake on it. */
export function orUsage<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}
