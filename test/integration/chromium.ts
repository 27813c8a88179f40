import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const QUIET =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'

/** Where Chromium is: what `CHROMIUM` says, or the first on the path; `undefined` if there is none. */
export function chromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const places = [process.env.CHROMIUM ?? [], folders.flatMap((folder) => NAMES.map((name) => join(folder, name)))]
  return places.flat().find((place) => {
    try {
      accessSync(place, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** What the page at `url` has become after some seconds, which pass at once. */
export async function domOf(url: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'lakeloop-chromium-'))
  const args = [...QUIET.split(' '), `--user-data-dir=${home}`, '--virtual-time-budget=5000', '--dump-dom', url]
  try {
    return (await promisify(execFile)(chromium() as string, args, { timeout: 50_000, maxBuffer: 50_000_000 })).stdout
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
  }
}
