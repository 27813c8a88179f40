// Packs the package, installs the tarball into an empty project as a user would, and uses it there: types and programs,
// from ESM and from CJS, with no optional peer in reach. Needs dist/: run `npm run build` first. Ends with one closing line.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const project = mkdtempSync(join(tmpdir(), 'lakeloop-package-'))
const count = { passed: 0, failed: 0, skipped: 0 }

/** Runs a program and gives what it printed; what it said goes into the error if it fails. */
function run(cwd, command, ...args) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    throw new Error(`${command} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? ''}`)
  }
}

function check(name, body) {
  try {
    body()
    count.passed += 1
    console.log(`ok      ${name}`)
  } catch (error) {
    count.failed += 1
    console.log(`FAILED  ${name}\n${error.message}`)
  }
}

function expectNone(what, found) {
  if (found.length > 0) throw new Error(`${what}: ${found.join(', ')}`)
}

const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json')
const specifier = (entry) => `lakeloop${entry.slice(1)}`
const peers = Object.keys(manifest.peerDependencies)

try {
  check('it packs, and holds nothing but what a user needs', () => {
    const [pack] = JSON.parse(run(ROOT, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', project))
    const allowed = /^(dist\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$|THIRD_PARTY\.md$)/
    const paths = pack.files.map((file) => file.path)
    expectNone(
      'stray files',
      paths.filter((path) => !allowed.test(path)),
    )
    const needed = ['LICENSE', 'README.md', 'THIRD_PARTY.md', 'CHANGELOG.md', 'dist/index.js', 'dist/index.cjs']
    expectNone(
      'missing files',
      needed.filter((path) => !paths.includes(path)),
    )
  })

  check('the tarball installs into an empty project, and brings no optional peer', () => {
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true }))
    const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'))
    run(project, 'npm', 'install', '--no-audit', '--no-fund', `./${tarball}`)
    const strangers = [...peers, 'ses', 'acorn'].filter((name) => existsSync(join(project, 'node_modules', name)))
    expectNone('installed for every user', strangers)
  })

  check('types hold for ESM and CJS under nodenext, with every declaration checked', () => {
    // A user on Node has Node's types; they are no part of what is checked here.
    mkdirSync(join(project, 'node_modules/@types'), { recursive: true })
    for (const name of ['@types/node', 'undici-types']) {
      cpSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name), { recursive: true })
    }
    const program = readFileSync(join(ROOT, 'test/package/consumer.ts'), 'utf8')
    const everyEntry = entries.map((entry, i) => `export * as entry${i} from '${specifier(entry)}'`).join('\n')
    for (const kind of ['mts', 'cts']) {
      writeFileSync(join(project, `consumer.${kind}`), program)
      writeFileSync(join(project, `entries.${kind}`), everyEntry)
    }
    const options = { module: 'nodenext', target: 'es2022', lib: ['es2023', 'esnext.disposable'], types: ['node'] }
    const compilerOptions = { ...options, strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts', '*.cts'] }))
    run(project, process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'))
  })

  for (const kind of ['mjs', 'cjs']) {
    check(`a program runs: consumer.${kind}`, () => {
      process.stdout.write(run(project, process.execPath, `consumer.${kind}`).replace(/^/gm, '        ').trimEnd())
      console.log()
    })
  }

  check('the command runs the fake, shows its page, and ends when it is told to', () => {
    const program = `
      import { spawn } from 'node:child_process'
      const child = spawn('node_modules/.bin/lakeloop', ['fake-iterable', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
      child.stdout.once('data', async (said) => {
        const [, url] = /Fake Iterable: (\\S+)/.exec(said)
        const page = await (await fetch(url)).text()
        if (!page.includes('project by email')) throw new Error(page)
        child.kill('SIGTERM')
      })
      child.once('exit', (code) => process.exit(code === 0 ? 0 : 1))`
    writeFileSync(join(project, 'command.mjs'), program)
    run(project, process.execPath, 'command.mjs')
    const help = run(project, 'npx', 'lakeloop', 'fake-iterable', '--help')
    if (!help.includes('fake-iterable [options]')) throw new Error(help)
  })

  for (const [kind, load] of [
    ['mjs', (name) => `await import('${name}')`],
    ['cjs', (name) => `require('${name}')`],
  ]) {
    check(`every entry loads with no peer installed, and locks nothing down: ${kind}`, () => {
      const program = `
        const loaded = [${entries.map((entry) => load(specifier(entry))).join(', ')}]
        if (loaded.some((names) => Object.keys(names).length === 0)) throw new Error('an entry is empty')
        if ('lockdown' in globalThis || 'Compartment' in globalThis) throw new Error('ses ran in the host')`
      writeFileSync(join(project, `entries-run.${kind}`), program)
      run(project, process.execPath, `entries-run.${kind}`)
    })
  }
} finally {
  rmSync(project, { recursive: true, force: true })
}

console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exitCode = count.failed > 0 ? 1 : 0
