import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What `npm run lakehouse:setup` made; not in git. */
export const HOME = join(ROOT, '.lakehouse')
export const PARTS = { python: join(HOME, 'venv/bin/python'), jars: join(HOME, 'jars'), stamp: join(HOME, 'stamp') }
/** Of an engine that `npm run lakehouse` started: where it is found by tests. */
export const RUNNING = join(HOME, 'running.json')

/** What the engine says where its Spark was gone before it was told to end; then what Spark logged is shown. */
const STOPPED_ITSELF = 'lakehouse: Spark ended its context by itself'
const SAID_LINES_MAX = 500

/** How to reach an engine. */
export interface Lake {
  readonly port: number
  readonly token: string
  readonly clientId: string
  readonly clientSecret: string
  /** Its certificate, as PEM: the only one to trust. */
  readonly ca: string
}

export interface Engine extends Lake {
  readonly spark: string
  readonly pid: number
  /** Resolves when it is gone, Java and all. */
  stop(): Promise<void>
}

/** Why no engine can start here; `undefined` if one can. */
export function notSetUp(): string | undefined {
  return existsSync(PARTS.stamp) ? undefined : 'not set up here; run: npm run lakehouse:setup'
}

/** One that was started by hand and still runs. */
export function running(): Lake | undefined {
  if (!existsSync(RUNNING)) return undefined
  const { pid, ...lake } = JSON.parse(readFileSync(RUNNING, 'utf8')) as Lake & { pid: number }
  try {
    process.kill(pid, 0)
    return lake
  } catch {
    return undefined
  }
}

/**
 * Starts one and waits until it answers, two minutes at most. Its tables end with it, and it ends with this process, however
 * that ends: the engine watches its standard input.
 */
export async function startEngine(): Promise<Engine> {
  const main = join(ROOT, 'test/lakehouse/engine/main.py')
  const child = spawn(PARTS.python, ['-B', main, '--jars', PARTS.jars], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1' },
  })
  const said: string[] = []
  createInterface(child.stderr).on('line', (line) => {
    said.push(line)
    if (said.length > SAID_LINES_MAX) said.shift()
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ready = await readyLine(child).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw new Error(`the lakehouse engine did not start: ${(error as Error).message}\n${said.slice(-20).join('\n')}`)
  })
  const stop = async (): Promise<void> => {
    child.stdin?.end()
    const late = setTimeout(() => child.kill('SIGKILL'), 20_000)
    await ended
    clearTimeout(late)
    if (said.some((line) => line.startsWith(STOPPED_ITSELF))) process.stderr.write(`${said.join('\n')}\n`)
  }
  return { ...ready, pid: child.pid as number, stop }
}

async function readyLine(child: ChildProcess): Promise<Lake & { readonly spark: string }> {
  const lines = createInterface(child.stdout as NodeJS.ReadableStream)
  const line = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('it was not ready after 120 s')), 120_000)
    lines.once('line', (first) => {
      clearTimeout(late)
      resolve(first)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)))
  })
  return JSON.parse(line) as Lake & { readonly spark: string }
}
