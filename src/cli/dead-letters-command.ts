import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type DeadLetter, explain, type LetterEdit, type Sync } from '../index.js'
import { CONFIG_OPTIONS, type Context, command, type Exit, SYNC_OPTION } from './command.js'
import { chosen, chosenOne } from './config.js'
import { LETTER_OPTIONS, queryOf, selectionOf } from './letter-options.js'
import { count } from './report-text.js'
import { jsonLine, oneLine } from './screen.js'
import { numberOf, UsageError } from './usage.js'

const OPTIONS = {
  ...CONFIG_OPTIONS,
  sync: SYNC_OPTION,
  ...LETTER_OPTIONS,
  all: { type: 'boolean', says: 'drop: all of them' },
  limit: { type: 'string', value: 'N', default: '100', says: 'list: at most so many' },
  payloads: { type: 'boolean', says: 'list: whole, with keys, values and addresses' },
  file: {
    type: 'string',
    value: 'FILE',
    says: 'edit: JSON with the whole new action or row, as `show --json` prints it',
  },
} as const

type Values = Parameters<Parameters<typeof command<typeof OPTIONS>>[0]['run']>[0]['values']
interface Asked {
  readonly values: Values
  readonly ids: readonly string[]
  readonly context: Context
}

export const deadLettersCommand = command({
  name: 'dead-letters',
  summary: 'lists, shows, edits and drops what was refused for good',
  usage: [
    'list [options]',
    'show ID [options]',
    'edit ID --file FILE',
    'drop ID ... | --reason CODE | --all',
    'expire',
  ],
  about:
    'A list has ids, kinds and reasons; `show`, and `--payloads`, have values and addresses: they are asked for. `lakeloop replay` tries letters again. `expire` drops those that are older than the sync keeps them, as each run does.',
  options: OPTIONS,
  examples: [
    ['dead-letters list --reason FIELD_TYPE_MISMATCH', 'what was refused for one reason'],
    ['dead-letters show ID --json', 'one of them, whole, for an editor'],
    ['dead-letters edit ID --file mended.json', 'what stands there in its place; nothing is sent'],
    ['dead-letters drop --run 0198c1a2-...', 'those of one run, for good'],
  ],
  exits: [0, 1, 2],
  async run({ values, positionals: [what, ...ids] }, context) {
    const asked = { values, ids, context }
    if (what === 'list') return await list(asked)
    const doing = { show, edit, drop, expire }[what ?? '']
    if (doing === undefined) throw new UsageError('dead-letters list, show, edit, drop or expire')
    return await doing(asked)
  },
})

const syncOf = async ({ values, context }: Asked): Promise<Sync> =>
  chosenOne(await context.config(values.config), values.sync)

function idOf([id, ...others]: readonly string[]): string {
  if (id === undefined || others.length > 0) throw new UsageError('the id of one dead letter is wanted')
  return id
}

/** Of every sync, unless one is named: whoever looks need not know whose they are. */
async function list({ values, ids, context: { config, say } }: Asked): Promise<Exit> {
  if (ids.length > 0) throw new UsageError('list takes no ids: show does')
  const limit = numberOf('limit', values.limit, { min: 1, max: 10_000_000 })
  let left = limit
  for (const sync of chosen(await config(values.config), values.sync === undefined ? [] : [values.sync])) {
    if (left === 0) break
    for await (const letter of sync.deadLetters({ ...queryOf(values), limit: left })) {
      left -= 1
      const { action: _, row: __, key: ___, ...plain } = letter
      const told = { sync: sync.name, ...(values.payloads === true ? letter : plain) }
      if (values.json === true) say(jsonLine(told))
      else
        for (const line of values.payloads === true ? wholeLines(sync, letter) : [lineOf(sync, letter)])
          say(oneLine(line))
    }
  }
  if (left === limit && values.json !== true) say('no dead letters')
  return 0
}

function lineOf({ name }: Sync, { id, kind, at, reason, attempts, needsEdit, expired }: DeadLetter): string {
  const more = [
    attempts > 0 ? `tried again ${count(attempts)} times` : undefined,
    needsEdit === true ? 'has to be edited' : undefined,
    expired === true ? 'expired' : undefined,
  ].filter((one) => one !== undefined)
  const aside = more.length === 0 ? '' : ` (${more.join(', ')})`
  return `${id}  ${at}  ${name}  ${kind}  ${reason.code}: ${explain(reason.code, reason.facts)}${aside}`
}

const wholeLines = (sync: Sync, letter: DeadLetter): readonly string[] => [
  lineOf(sync, letter),
  ...(letter.key === undefined ? [] : [`  key ${letter.key}`]),
  `  ${letter.action === undefined ? 'row' : 'action'} ${JSON.stringify(letter.action ?? letter.row)}`,
]

async function show(asked: Asked): Promise<Exit> {
  const { values, ids, context } = asked
  const sync = await syncOf(asked)
  const letter = await sync.deadLetter(idOf(ids))
  if (letter === undefined) throw new UsageError('there is no such dead letter any more')
  if (values.json === true) context.say(jsonLine(letter))
  else for (const line of wholeLines(sync, letter)) context.say(oneLine(line))
  return 0
}

async function edit(asked: Asked): Promise<Exit> {
  const { values, ids, context } = asked
  const id = idOf(ids)
  if (values.file === undefined) throw new UsageError('edit wants --file FILE')
  const letter = await editIn(resolve(context.folder, values.file), values.file)
  const sync = await syncOf(asked)
  await sync.editDeadLetter(id, letter)
  if (values.json === true) context.say(jsonLine({ sync: sync.name, edited: id }))
  else context.say('edited; lakeloop replay sends it')
  return 0
}

/** What `show --json` prints is taken as it is: of it only the action or the row counts. */
async function editIn(file: string, written: string): Promise<LetterEdit> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new UsageError(`${written} cannot be read`)
  })
  const wrong = new UsageError(`${written} is no JSON object with an action or a row, as show --json prints it`)
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    throw wrong // what the parser says quotes the file
  }
  const { action, row } = (given ?? {}) as { readonly action?: unknown; readonly row?: unknown }
  if ((action === undefined) === (row === undefined)) throw wrong
  return (action === undefined ? { row } : { action }) as LetterEdit
}

async function drop(asked: Asked): Promise<Exit> {
  const { values, ids, context } = asked
  const selection = selectionOf(values, ids)
  const sync = await syncOf(asked)
  const dropped = await sync.dropDeadLetters(selection)
  context.say(values.json === true ? jsonLine({ sync: sync.name, dropped }) : `${sync.name}: ${count(dropped)} dropped`)
  return 0
}

async function expire(asked: Asked): Promise<Exit> {
  const { values, context } = asked
  const sync = await syncOf(asked)
  const expired = await sync.expire()
  if (values.json === true) context.say(jsonLine({ sync: sync.name, expired }))
  else if (expired.length === 0) context.say(`${sync.name}: none has expired`)
  else for (const one of expired) context.say(oneLine(`${sync.name}: ${count(one.letters)} expired: ${one.reason}`))
  return 0
}
