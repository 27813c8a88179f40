import { parseArgs } from 'node:util'
import { FAULTS, FakeIterable } from '../testing/index.js'
import { command, JSON_OPTION, type Options } from './command.js'
import { jsonLine } from './screen.js'
import { numberOf, orUsage, UsageError } from './usage.js'

const OPTIONS = {
  port: {
    type: 'string',
    value: 'N',
    default: '4010',
    says: 'where it listens, on 127.0.0.1; 0 takes any that is free',
  },
  'project-type': { type: 'string', value: 'T', default: 'email', says: 'email, userId or hybrid' },
  key: { type: 'string', value: 'K', default: 'fake-key', says: 'the key that it takes' },
  list: {
    type: 'string',
    value: 'NAME',
    multiple: true,
    default: [] as string[],
    says: 'a list that is there already',
  },
  seed: {
    type: 'string',
    value: 'N',
    says: 'faults at random, but none that lets a request wait for ever; the same seed and requests, the same faults',
  },
  'fault-rate': { type: 'string', value: 'R', says: 'how many requests meet one, from 0 to 1 (0.1; with --seed)' },
  json: JSON_OPTION,
} as const satisfies Options

export const fakeEntry = command({
  name: 'fake-iterable',
  summary: "a fake of Iterable's API on this machine, for trying things by hand",
  usage: ['[options]'],
  about:
    'Give its address as baseUrl, and its key as apiKey. Its page at / shows what it holds. What lies below /fake/ steers it, with faults too: docs/fake-iterable.md. Ctrl-C ends it, and what it held is gone.',
  options: OPTIONS,
  examples: [
    ['fake-iterable --list news --seed 7', 'with a list, and with faults'],
    ['fake-iterable --port 0 --json', 'its address as JSON, for a script'],
  ],
  exits: [0, 1, 2],
  async run({ args }, { say, signal }) {
    const ending = signal()
    const { close } = await fakeCommand(args, say)
    await new Promise((ended) => ending.addEventListener('abort', ended, { once: true }))
    await close()
    return 0
  },
})

const PROJECT_TYPES = ['email', 'userId', 'hybrid'] as const

const asked = (args: readonly string[]) => orUsage(() => parseArgs({ args: [...args], options: OPTIONS }).values)

/** Starts the fake as the arguments say. Throws UsageError. */
export async function fakeCommand(args: readonly string[], say: (line: string) => void) {
  const values = asked(args)
  const port = numberOf('port', values.port, { max: 65_535 })
  const fake = made(values)
  seeded(fake, values)
  const door = await fake.listen({ port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new Error(`port ${port} is taken; --port 0 finds one that is free`)
  })
  if (values.json === true) say(jsonLine({ url: door.url, key: values.key, projectType: values['project-type'] }))
  else say(`Fake Iterable: ${door.url}`)
  if (values.json !== true)
    say(`  key ${values.key}, project by ${values['project-type']}; open it in a browser to look inside`)
  return door
}

/** Without the faults after which a request never ends: who tries things by hand would wait for ever. */
function seeded(fake: FakeIterable, { seed, 'fault-rate': rate }: ReturnType<typeof asked>): void {
  if (seed === undefined && rate !== undefined) throw new UsageError('--fault-rate needs a --seed')
  if (seed === undefined) return
  fake.faults.seeded(numberOf('seed', seed, { max: 2 ** 32 - 1 }), {
    rate: numberOf('fault-rate', rate ?? '0.1', { max: 1, whole: false }),
    kinds: FAULTS.filter((kind) => kind !== 'no answer' && kind !== 'stalled body'),
  })
}

function made({ key, list, 'project-type': type }: ReturnType<typeof asked>): FakeIterable {
  if (key === '') throw new UsageError('--key is not empty')
  const projectType = PROJECT_TYPES.find((one) => one === type)
  if (projectType === undefined) throw new UsageError(`--project-type is one of ${PROJECT_TYPES.join(', ')}`)
  return new FakeIterable({ projectType, apiKey: key, lists: list })
}
