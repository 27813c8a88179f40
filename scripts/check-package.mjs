// Packs the package, installs the tarball into an empty project as a user would, and uses it there: types and programs,
// from ESM and from CJS, with no optional peer in reach; and a transform from tsx, vitest and bundles. Needs dist/: run `npm run build` first. Ends with one closing line.
import { execFileSync, spawnSync } from 'node:child_process'
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

  check('no moment for tests to kill a run at is left in the build', () => {
    const built = readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.c?js$/.test(name),
    )
    const marked = built.filter((name) =>
      /FAILPOINT|before-list-intent/.test(readFileSync(join(ROOT, 'dist', name), 'utf8')),
    )
    expectNone('failpoints', marked)
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
    const everyEntry = entries.map((entry, i) => `export * as entry${i} from '${specifier(entry)}'`).join('\n')
    for (const kind of ['mts', 'cts']) {
      for (const program of ['consumer', 'transform-host']) {
        cpSync(join(ROOT, `test/package/${program}.ts`), join(project, `${program}.${kind}`))
      }
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
    const version = run(project, 'npx', 'lakeloop', '--version').trim()
    const manifest = JSON.parse(readFileSync(join(project, 'node_modules/lakeloop/package.json'), 'utf8'))
    if (version !== manifest.version) throw new Error(version)
  })

  // The fake of the config goes on listening: the command ends all the same.
  const configOf = (imports, give) => `
    ${imports}
    ${give} async () => {
      const { url } = await new FakeIterable({ projectType: 'email', fields: { score: 'double' }, rates: 'off' }).listen()
      const store = new MemoryStore()
      const map = { identifiers: { email: 'email' }, dataFields: { score: 'score' } }
      const project = { project: 'p', apiKey: 'fake-key', dataCenter: 'us', projectType: 'email', baseUrl: url }
      return [new Sync({
        name: 'scores', store, source: new RowsSource({ name: 's', rows: [{ email: 'a@example.com', score: 1 }], key: ['email'] }),
        transform: Transform.map(map), destination: new IterableDestination(project),
        identity: new IdentityResolver({ store, target: 'email', namespaces: {} }), lists: new ListDeltaComputer({ store }),
      })]
    }`
  const names = 'IdentityResolver, IterableDestination, ListDeltaComputer, MemoryStore, RowsSource, Sync, Transform'
  const asEsm = configOf(
    `import { ${names} } from 'lakeloop'; import { FakeIterable } from 'lakeloop/testing'`,
    'export default',
  )
  const asCjs = configOf(
    `const { ${names} } = require('lakeloop'); const { FakeIterable } = require('lakeloop/testing')`,
    'module.exports =',
  )
  const readsTypeScript = typeof process.features.typescript === 'string'
  for (const [file, text] of [
    ['lakeloop.config.mjs', asEsm],
    ['lakeloop.config.js', asCjs],
    ['lakeloop.config.ts', `${asEsm}\nexport const typed: number = 1`],
  ]) {
    check(`the command runs the syncs of ${file}`, () => {
      const folder = join(project, `of-${file}`)
      mkdirSync(folder)
      writeFileSync(join(folder, file), text)
      const bin = join(project, 'node_modules/lakeloop/dist/cli/main.js')
      const { status, stdout } = spawnSync(process.execPath, [bin, 'run', '--json'], { cwd: folder, encoding: 'utf8' })
      const told = JSON.parse(stdout)
      const isRefused = file.endsWith('.ts') && !readsTypeScript // and no tsx is installed
      const isFine = isRefused ? told.error?.code === 'CONFIG_TYPESCRIPT' : told.rows?.accepted === 1
      if (!isFine || status !== (isRefused ? 1 : 0)) throw new Error(`${status}: ${stdout}`)
    })
  }

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
  const tool = (path) => join(ROOT, 'node_modules', path)
  const runsTransform = (...args) => {
    const printed = run(project, process.execPath, ...args)
    if (!printed.endsWith('ran\n')) throw new Error(`it ended without having run: ${printed}`)
  }

  for (const kind of ['mjs', 'cjs']) {
    check(`a transform runs in every isolation: ${kind}`, () => runsTransform(`transform-host.${kind}`))
  }
  check('a transform runs in every isolation: tsx', () => runsTransform(tool('tsx/dist/cli.mjs'), 'transform-host.mts'))

  for (const pool of ['forks', 'threads', 'vmThreads']) {
    check(`a transform runs in every isolation: vitest, pool ${pool}`, () => {
      cpSync(join(project, 'transform-host.mts'), join(project, 'transform-host.test.ts'))
      run(
        project,
        process.execPath,
        tool('vitest/vitest.mjs'),
        'run',
        '--globals',
        '--pool',
        pool,
        'transform-host.test.ts',
      )
    })
  }

  for (const format of ['esm', 'cjs']) {
    for (const minify of [[], ['--minify']]) {
      const out = `esbuild/${format}${minify}.${format === 'esm' ? 'mjs' : 'cjs'}`
      check(`a transform runs in every isolation: one file by ${['esbuild', format, ...minify].join(' ')}`, () => {
        const options = ['--bundle', '--platform=node', `--format=${format}`, '--log-level=error', ...minify]
        run(project, tool('esbuild/bin/esbuild'), 'transform-host.mjs', ...options, `--outfile=${out}`)
        runsTransform(out)
      })
    }
  }

  const bundlers = [
    'webpack@5.113.0',
    'rollup@4.68.8',
    '@rollup/plugin-node-resolve@16.0.3',
    '@rollup/plugin-commonjs@29.0.3',
  ]
  check('webpack and rollup install beside it', () => {
    run(project, 'npm', 'install', '--no-audit', '--no-fund', ...bundlers)
  })

  // Its loader takes CommonJS alone.
  check('the whole way, and a transform in every isolation: Jest', () => {
    run(project, 'npm', 'install', '--no-audit', '--no-fund', 'jest@30.5.2')
    const way = readFileSync(join(project, 'consumer.cjs'), 'utf8')
    writeFileSync(
      join(project, 'consumer.jest.cjs'),
      way.replace(/^main\(\)\.catch[\s\S]*/m, "test('the whole way', main)\n"),
    )
    cpSync(join(project, 'transform-host.cjs'), join(project, 'transform-host.jest.cjs'))
    run(project, process.execPath, 'node_modules/jest/bin/jest.js', '--testMatch', '**/*.jest.cjs')
  })

  // Neither of the two leaves out by itself what is not installed.
  const byWebpack = `
    import webpack from 'webpack'
    const options = { target: 'node20', mode: process.argv[2], entry: './transform-host.mjs', externalsType: 'import' }
    const output = { path: process.cwd() + '/webpack', filename: process.argv[2] + '.cjs' }
    webpack({ ...options, externals: ${JSON.stringify(peers)}, output }, (error, stats) => {
      if (error || stats.hasErrors()) throw error ?? new Error(stats.toString('errors-only'))
    })`
  const byRollup = `
    import { rollup } from 'rollup'
    import commonjs from '@rollup/plugin-commonjs'
    import resolve from '@rollup/plugin-node-resolve'
    const plugins = [resolve({ preferBuiltins: true }), commonjs()]
    const made = await rollup({ input: 'transform-host.mjs', external: ${JSON.stringify(peers)}, plugins })
    const [, , format, ending] = process.argv
    await made.write({ dir: 'rollup', format, entryFileNames: '[name].' + ending, chunkFileNames: '[name].' + ending })`

  for (const mode of ['development', 'production']) {
    check(`a transform runs in every isolation: bundled by webpack for ${mode}`, () => {
      writeFileSync(join(project, 'by-webpack.mjs'), byWebpack)
      run(project, process.execPath, 'by-webpack.mjs', mode)
      runsTransform(`webpack/${mode}.cjs`)
    })
  }
  for (const [format, ending] of Object.entries({ es: 'mjs', cjs: 'cjs' })) {
    check(`a transform runs in every isolation: bundled by rollup as ${format}`, () => {
      writeFileSync(join(project, 'by-rollup.mjs'), byRollup)
      run(project, process.execPath, 'by-rollup.mjs', format, ending)
      runsTransform(`rollup/transform-host.${ending}`)
    })
  }
} finally {
  rmSync(project, { recursive: true, force: true })
}

console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exitCode = count.failed > 0 ? 1 : 0
