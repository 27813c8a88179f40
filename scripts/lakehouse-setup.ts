/**
 * Installs the lakehouse engine of the tests (Spark, Delta and their Python) into .lakehouse/, once: see docs/lakehouse.md.
 * Where pip and Maven get their packages is the machine's own business.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HOME, PARTS } from '../test/lakehouse/engine.js'

const ENGINE = fileURLToPath(new URL('../test/lakehouse/engine/', import.meta.url))
const REQUIREMENTS = join(ENGINE, 'requirements.txt')
const POM = join(ENGINE, 'pom.xml')

/** What has to be on the machine, with the oldest version that will do. */
const NEEDED = [
  { program: 'java', args: ['-version'], version: /version "(\d+)/, least: [17], get: 'a JDK 17 or later' },
  {
    program: 'python3',
    args: ['--version'],
    version: /Python (\d+)\.(\d+)/,
    least: [3, 10],
    get: 'Python 3.10 or later',
  },
  { program: 'openssl', args: ['version'], version: /SSL (\d+)/, least: [1], get: 'OpenSSL' },
  { program: 'mvn', args: ['--version'], version: /Apache Maven (\d+)/, least: [3], get: 'Apache Maven 3 or later' },
] as const

function missing(): readonly string[] {
  return NEEDED.flatMap(({ program, args, version, least, get }) => {
    const { stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
    const found = version
      .exec(`${stdout ?? ''}${stderr ?? ''}`)
      ?.slice(1)
      .map(Number)
    if (error !== undefined || found === undefined) return [`${program} is not there: install ${get}`]
    return isAtLeast(found, least) ? [] : [`${program} is ${found.join('.')}: install ${get}`]
  })
}

const isAtLeast = (found: readonly number[], least: readonly number[]): boolean => {
  const at = least.findIndex((part, index) => part !== (found[index] ?? 0))
  return at < 0 || (found[at] ?? 0) > (least[at] as number)
}

function install(): void {
  rmSync(PARTS.stamp, { force: true })
  mkdirSync(HOME, { recursive: true })
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  console.log('lakehouse: Python packages')
  run('python3', '-m', 'venv', '--clear', join(HOME, 'venv'))
  run(PARTS.python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'setuptools', 'wheel')
  run(PARTS.python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', REQUIREMENTS)
  console.log('lakehouse: jars')
  rmSync(PARTS.jars, { recursive: true, force: true })
  run('mvn', '-B', '-q', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${PARTS.jars}`)
}

/** Of the versions asked for: another one is another installation. */
const stamp = createHash('sha256').update(readFileSync(REQUIREMENTS)).update(readFileSync(POM)).digest('hex')

if (existsSync(PARTS.stamp) && readFileSync(PARTS.stamp, 'utf8') === stamp) {
  console.log('lakehouse: set up')
} else {
  const problems = missing()
  if (problems.length > 0) {
    console.error(problems.map((problem) => `lakehouse: ${problem}`).join('\n'))
    process.exit(1)
  }
  install()
  writeFileSync(PARTS.stamp, stamp)
  console.log('lakehouse: set up; npm test runs its suite now, npm run lakehouse starts it by hand')
}
