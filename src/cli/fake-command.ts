import { parseArgs } from 'node:util'
import { isLakeloopError } from '../errors.js'
import { FAULTS, FakeIterable } from '../testing/index.js'

export const USAGE = `lakeloop fake-iterable [options]     a fake of Iterable's API on this machine, for trying things by hand

  --port N             where it listens (4010; 0 takes any that is free)
  --project-type T     email, userId or hybrid (email)
  --key K              the key that it takes (fake-key)
  --list NAME          a list that is there already; may be said again
  --seed N             faults at random: the same seed and requests, the same faults
  --fault-rate R       how many requests meet one, from 0 to 1 (0.1; with --seed)
`

const OPTIONS = {
  port: { type: 'string', default: '4010' },
  'project-type': { type: 'string', default: 'email' },
  key: { type: 'string', default: 'fake-key' },
  list: { type: 'string', multiple: true, default: [] as string[] },
  seed: { type: 'string' },
  'fault-rate': { type: 'string', default: '0.1' },
} as const

/** A mistake on the command line: what is wrong, for a person. */
export class UsageError extends Error {}

function number(name: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= min && value <= max)) throw new UsageError(`--${name} is from ${min} to ${max}`)
  return value
}

function asked(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** Starts the fake as the arguments say. Throws UsageError. */
export async function fakeCommand(args: readonly string[], say: (line: string) => void) {
  const values = asked(args)
  const port = number('port', values.port, { min: 0, max: 65_535 })
  const rate = number('fault-rate', values['fault-rate'], { min: 0, max: 1 })
  const seed = values.seed && number('seed', values.seed, { min: 0, max: 2 ** 32 - 1 })
  const fake = made(values)
  if (seed !== undefined && seed !== '')
    fake.faults.seeded(seed, { rate, kinds: FAULTS.filter((kind) => kind !== 'no answer') })
  const door = await fake.listen({ port })
  say(`Fake Iterable: ${door.url}`)
  say(`  key ${values.key}, project by ${values['project-type']}; open it in a browser to look inside`)
  return door
}

function made(values: ReturnType<typeof asked>): FakeIterable {
  const projectType = values['project-type'] as 'email'
  try {
    return new FakeIterable({ projectType, apiKey: values.key, lists: values.list })
  } catch (error) {
    if (isLakeloopError(error))
      throw new UsageError('--project-type is email, userId or hybrid, and --key is not empty')
    throw error
  }
}
