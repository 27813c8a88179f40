import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** As a wish. */
export interface Member {
  readonly list: string
  readonly claimant: string
  readonly address: string
  readonly member: true
}

export const LIST = 'audience'

/** Share of the members that leave, and of others that join, from one run to the next. */
export const CHURN = 0.01

/** Deterministic; the number decides, so that the same person has the same address in every run. */
function member(n: number): Pick<Member, 'claimant' | 'address'> {
  const hash = Math.imul(n + 1, 2_654_435_761) >>> 0
  return { claimant: `c-${n}`, address: `${hash.toString(36)}.${n}@example.com` }
}

/** Visits 0 to count - 1 in an order that is no order: by steps that share no factor with the count. */
function* unsorted(count: number): Generator<number> {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
  let step = Math.floor(count * 0.618) | 1
  while (divisor(step, count) !== 1) step += 2
  for (let left = count, at = 0; left > 0; left -= 1, at = (at + step) % count) yield at
}

/** The audience of a run as lines of claimant, tab, address; made once per size and run. The next one has moved by the churn. */
export async function membersFile(count: number, run: number): Promise<string> {
  const path = join(tmpdir(), `lakeloop-bench-list-${count}-${run}.tsv`)
  if (await stat(path).catch(() => undefined)) return path
  const out = createWriteStream(path)
  const moved = Math.round(count * CHURN) * run
  let lines = ''
  for (const at of unsorted(count)) {
    const { claimant, address } = member(moved + at)
    lines += `${claimant}\t${address}\n`
    if (lines.length < 1 << 20) continue
    if (!out.write(lines)) await once(out, 'drain')
    lines = ''
  }
  out.end(lines)
  await once(out, 'finish')
  return path
}

/** The lines of the file, a page for each 32 kB. */
export async function* members(path: string): AsyncGenerator<readonly Member[]> {
  let text = ''
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 15 })) {
    text += (chunk as Buffer).toString('latin1')
    const page: Member[] = []
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      const tab = text.indexOf('\t', from)
      page.push({ list: LIST, claimant: text.slice(from, tab), address: text.slice(tab + 1, end), member: true })
      from = end + 1
    }
    text = text.slice(from)
    yield page
  }
}
