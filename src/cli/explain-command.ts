import {
  type Conflict,
  explain,
  type Identifier,
  type IdentityResolver,
  type OutcomeEntry,
  type Sync,
} from '../index.js'
import { CONFIG_OPTIONS, command, SYNC_OPTION } from './command.js'
import { chosenOne } from './config.js'
import { outcomeLine } from './outcomes-text.js'
import { jsonLine, oneLine } from './screen.js'
import { numberOf, UsageError } from './usage.js'

export const explainCommand = command({
  name: 'explain',
  summary: 'says who somebody is, why, and what happened to them',
  usage: ['ID [options]', 'ID ID [options]'],
  about:
    'An ID is NAMESPACE=VALUE, a value of any namespace, or a profile id. Two of them: why they are one person, or are not. This shows identifiers and addresses: it is asked for them.',
  options: {
    ...CONFIG_OPTIONS,
    sync: SYNC_OPTION,
    limit: { type: 'string', value: 'N', default: '50', says: 'outcomes at most, the newest' },
  },
  examples: [
    ['explain customer_id=C-17', 'their identifiers, what joined them, the address, and their outcomes'],
    ['explain ada@example.com', 'the same, whatever namespace has it'],
    ['explain customer_id=C-17 email=ada@example.com', 'why these two are one, or are not'],
  ],
  exits: [0, 1, 2],
  async run({ values, positionals }, { config, say }) {
    const [first, second, ...others] = positionals
    if (first === undefined || others.length > 0) throw new UsageError('one or two IDs are wanted')
    const sync = chosenOne(await config(values.config), values.sync)
    const limit = numberOf('limit', values.limit, { min: 0, max: OUTCOMES_MAX })
    const found = second === undefined ? await person(sync, first, limit) : await pair(sync, first, second)
    if (values.json === true) say(jsonLine(found))
    else for (const line of 'verdict' in found ? pairLines(found) : personLines(found)) say(oneLine(line))
    return 'known' in found && !found.known ? 1 : 0
  },
})

const OUTCOMES_MAX = 1_000_000

/** Where an id may be meant. A namespace before `=` must be one of the graph's. */
function meant(identity: IdentityResolver, id: string): readonly Identifier[] {
  const [, namespace = '', value = ''] = /^([^=]+)=(.*)$/s.exec(id) ?? []
  if (identity.namespaces.includes(namespace)) return [{ namespace, value }]
  return identity.namespaces.map((one) => ({ namespace: one, value: id }))
}

/** The first reading of it that somebody has; the profile id that it is, else. */
async function knownAs(identity: IdentityResolver, id: string): Promise<Identifier | string | undefined> {
  for (const identifier of meant(identity, id)) {
    if ((await identity.profile(identifier)) !== undefined) return identifier
  }
  return (await identity.profile(id)) === undefined ? undefined : id
}

async function person(sync: Sync, id: string, limit: number) {
  const { identity, destination } = sync.parts
  const as = await knownAs(identity, id)
  const told = as === undefined ? undefined : await identity.explainProfile(as)
  const own = told?.identifiers.filter(({ retired }) => !retired) ?? []
  const asked = as === undefined || typeof as === 'string' ? (own[0] ?? meant(identity, id)[0]) : as
  if (asked === undefined) throw new UsageError('the config declares no namespace')
  const [resolution] = await identity.resolve([{ [asked.namespace]: asked.value }], { project: destination.project })
  const history = []
  for await (const entry of identity.history(asked)) history.push(entry)
  const outcomes: OutcomeEntry[] = []
  if (limit > 0) {
    for await (const one of sync.outcomes({ person: { [asked.namespace]: asked.value }, limit })) outcomes.push(one)
  }
  return { id, known: told !== undefined, asked, profile: told, resolution, history, outcomes }
}

type Person = Awaited<ReturnType<typeof person>>

function personLines({ id, known, asked, profile, resolution, history, outcomes }: Person): readonly string[] {
  const address =
    resolution?.status === 'resolved'
      ? `address ${resolution.address} (${resolution.why})`
      : `no address: ${resolution === undefined ? '' : explain(resolution.reason.code, resolution.reason.facts)}`
  const ends = outcomes.map((one) => `  ${outcomeLine(one)}`)
  if (!known || profile === undefined) return [`nobody is known as ${id}`, `  ${address}`, ...ends]
  return [
    `${nameOf(asked)} is profile ${profile.profileId}`,
    `  ${address}`,
    ...profile.identifiers.map(
      ({ namespace, value, retired }) => `  has ${namespace}=${value}${retired ? ', retired: never the address' : ''}`,
    ),
    ...profile.links.map(
      ({ a, b, records, recordCount }) => `  ${nameOf(a)} and ${nameOf(b)} ${recordsText(records, recordCount)}`,
    ),
    ...profile.conflicts.map((conflict) => `  ${conflictText(conflict)}`),
    ...history.map(
      ({ sequence, what, from, to }) =>
        `  commit ${sequence}: ${what}${from ? ` from ${from}` : ''}${to ? ` to ${to}` : ''}`,
    ),
    ...ends,
  ]
}

async function pair({ parts: { identity } }: Sync, first: string, second: string) {
  const ends: Identifier[] = []
  for (const id of [first, second]) {
    const as = await knownAs(identity, id)
    const end = typeof as === 'string' || as === undefined ? meant(identity, id)[0] : as
    if (end === undefined) throw new UsageError('the config declares no namespace')
    ends.push(end)
  }
  const [a, b] = ends as [Identifier, Identifier]
  return { a, b, ...(await identity.explain(a, b)) }
}

function pairLines(told: Awaited<ReturnType<typeof pair>>): readonly string[] {
  const [a, b] = [nameOf(told.a), nameOf(told.b)]
  switch (told.verdict) {
    case 'same':
      return [
        `${a} and ${b} are one person: profile ${told.profileId}`,
        ...told.path.map(
          (step) => `  ${nameOf(step.from)} and ${nameOf(step.to)} ${recordsText(step.records, step.records.length)}`,
        ),
      ]
    case 'apart':
      return [
        `${a} and ${b} are two people: links between them were refused`,
        ...told.conflicts.map((one) => `  ${conflictText(one)}`),
      ]
    case 'unlinked':
      return [`${a} and ${b} are two people: no records lead from the one to the other`]
    case 'unusable':
      return [`${a} or ${b} joins nobody: ${told.problem}`]
  }
}

const nameOf = ({ namespace, value }: Identifier): string => `${namespace}=${value}`

const recordsText = (records: readonly { readonly source: string; readonly key: string }[], count: number): string => {
  const [first] = records
  const more = count > 1 ? ` and ${count - 1} more` : ''
  return first === undefined ? 'are linked' : `stand together in ${first.source} ${first.key}${more}`
}

const conflictText = ({ a, b, rule, limit, wouldBe }: Conflict): string =>
  rule === 'denied'
    ? `conflict: ${nameOf(a)} and ${nameOf(b)} were said to be two people`
    : `conflict: ${nameOf(a)} and ${nameOf(b)} stay apart: ${rule} allows ${limit}, and there would be ${wouldBe}`
