import { parseArgs } from 'node:util'
import { FAULTS, FakeIterable } from '../testing/index.js'
import { orUsage, UsageError } from './usage.js'

const OPTIONS = {
  port: { type: 'string', default: '4010' },
  'project-type': { type: 'string', default: 'email' },
  key: { type: 'string', default: 'fake-key' },
  list: { type: 'string', multiple: true, default: [] as string[] },
  seed: { type: 'string' },
  'fault-rate': { type: 'string' },
} as const

const PROJECT_TYPES = ['email', 'userId', 'hybrid'] as const

function number(name: string, text: string, { max, whole }: { max: number; whole: boolean }): number {
  const value = Number(text)
  const isFine = text.trim() !== '' && value >= 0 && value <= max && (!whole || Number.isInteger(value))
  if (!isFine) throw new UsageError(`--${name} is a ${whole ? 'whole ' : ''}number from 0 to ${max}`)
  return value
}

const asked = (args: readonly string[]) => orUsage(() => parseArgs({ args: [...args], options: OPTIONS }).values)

/** Starts the fake as the arguments say. Throws UsageError. */
export async function fakeCommand(args: readonly string[], say: (line: string) => void) {
  const values = asked(args)
  const port = number('port', values.port, { max: 65_535, whole: true })
  const fake = made(values)
  seeded(fake, values)
  const door = await fake.listen({ port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new Error(`port ${port} is taken; --port 0 finds one that is free`)
  })
  say(`Fake Iterable: ${door.url}`)
  say(`  key ${values.key}, project by ${values['project-type']}; open it in a browser to look inside`)
  return door
}

/** Without the faults after which a request never ends: who tries things by hand would wait for ever. */
function seeded(fake: FakeIterable, { seed, 'fault-rate': rate }: ReturnType<typeof asked>): void {
  if (seed === undefined && rate !== undefined) throw new UsageError('--fault-rate needs a --seed')
  if (seed === undefined) return
  fake.faults.seeded(number('seed', seed, { max: 2 ** 32 - 1, whole: true }), {
    rate: number('fault-rate', rate ?? '0.1', { max: 1, whole: false }),
    kinds: FAULTS.filter((kind) => kind !== 'no answer' && kind !== 'stalled body'),
  })
}

function made({ key, list, 'project-type': type }: ReturnType<typeof asked>): FakeIterable {
  if (key === '') throw new UsageError('--key is not empty')
  const projectType = PROJECT_TYPES.find((one) => one === type)
  if (projectType === undefined) throw new UsageError(`--project-type is one of ${PROJECT_TYPES.join(', ')}`)
  return new FakeIterable({ projectType, apiKey: key, lists: list })
}
