/**
 * What somebody's own code threw, for their eyes: its message and where. A credential may stand in it; what is the value of a
 * variable of the environment is shown by the variable's name, and a text that JSON.parse refused is not quoted.
 */
export function problemOf(error: unknown, file: string, shown: string, env: NodeJS.ProcessEnv = process.env): string {
  if (!(error instanceof Error)) return 'threw something that is no Error'
  const at = placeIn(error.stack ?? '', file, shown)
  const { name, message } = error
  const quotes = name === 'SyntaxError' && / JSON\b/.test(message)
  const text = quotes ? 'a text is no JSON' : withoutValues(message, env)
  return `threw ${name}: ${text}${at}`
}

/** The first place in the file itself. */
function placeIn(stack: string, file: string, shown: string): string {
  for (const line of stack.split('\n').slice(1)) {
    const [, place] = /:(\d+:\d+)\)?$/.exec(line) ?? []
    if (place !== undefined && line.includes(file)) return ` (${shown}:${place})`
  }
  return ''
}

/** Shorter ones are words, and stand in any message. */
const SECRET_LENGTH_MIN = 6
/** What is no secret, and makes paths hard to read. */
const PLAIN = new Set(['HOME', 'PATH', 'PWD', 'OLDPWD', 'SHELL', 'USER', 'LOGNAME', 'LANG', 'TMPDIR', 'INIT_CWD', '_'])

function withoutValues(text: string, env: NodeJS.ProcessEnv): string {
  const values = Object.entries(env).flatMap(([name, value = '']) =>
    value.length >= SECRET_LENGTH_MIN && !PLAIN.has(name) && !name.startsWith('npm_') ? [[name, value] as const] : [],
  )
  return values
    .sort(([, a], [, b]) => b.length - a.length)
    .reduce((safe, [name, value]) => safe.replaceAll(value, `$${name}`), text)
}
