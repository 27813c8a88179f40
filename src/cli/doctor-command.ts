import { CONFIG_OPTIONS, command } from './command.js'
import { chosen } from './config.js'
import type { Finding } from './doctor.js'
import { nodeFinding, peerFindings } from './doctor-machine.js'
import { syncFindings } from './doctor-sync.js'
import { jsonLine, oneLine, painted } from './screen.js'

const SIGNS = { fine: ['ok', 'green'], unsure: ['??', 'yellow'], wrong: ['NO', 'red'] } as const

export const doctorCommand = command({
  name: 'doctor',
  summary: 'looks for all that a run needs, and says what to do about what is missing',
  usage: ['[SYNC ...] [options]'],
  about:
    'Node and packages, the config, stores (that they can be written, and their version), rules of identity, transforms, credentials, grants, change tracking, project, room for fields, and the clock. Sends and changes nothing; a SQL warehouse that is stopped is started.',
  options: CONFIG_OPTIONS,
  examples: [
    ['doctor', 'all of it'],
    ['doctor churn-scores --json', 'one sync, one JSON object a finding'],
  ],
  exits: [0, 1, 2],
  async run({ values, positionals }, { config, say, screen, manifest, signal }) {
    const findings: Finding[] = []
    const tell = (finding: Finding): void => {
      findings.push(finding)
      if (values.json === true) say(jsonLine(finding))
      else for (const line of linesOf(finding, screen.colours)) say(line)
    }
    tell(nodeFinding(manifest))
    const loaded = await config(values.config)
    const syncs = chosen(loaded, positionals)
    const ending = signal()
    for (const finding of await peerFindings(loaded, manifest)) tell(finding)
    for (const sync of syncs) for await (const finding of syncFindings(sync, ending)) tell(finding)
    const bad = findings.filter(({ status }) => status === 'wrong').length
    const unsure = findings.filter(({ status }) => status === 'unsure').length
    if (values.json !== true) {
      say('')
      say(`${findings.length} looked at, ${bad} to be mended, ${unsure} that could not be told or are worth a look`)
    }
    return bad === 0 ? 0 : 1
  },
})

function linesOf({ of, what, status, problem, fix = [] }: Finding, colours: boolean): readonly string[] {
  const [sign, colour] = SIGNS[status]
  return [
    `${painted(colours, colour, sign)}  ${oneLine(`${of}: ${what}`)}`,
    ...(problem === undefined ? [] : [`    ${oneLine(problem)}`]),
    ...fix.map((line) => `    -> ${oneLine(line)}`),
  ]
}
