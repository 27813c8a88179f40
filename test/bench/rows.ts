import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Ten fields, about 250 bytes of JSON: the row of the published measurements this bench is compared with. */
export interface BenchRow {
  readonly email: string
  readonly user_id: string
  readonly account_tier: string
  readonly country: string
  readonly segment: string
  readonly churn_risk_score: number
  readonly orders: number
  readonly active: boolean
  readonly last_active_date: string
  readonly campaign: string
}

const TIERS = ['enterprise', 'growth', 'starter']
const COUNTRIES = ['DE', 'US', 'FR', 'JP', 'BR']

/** Deterministic: a multiplicative hash of the row's number decides every value. */
export function row(n: number): BenchRow {
  const hash = Math.imul(n + 1, 2_654_435_761) >>> 0
  return {
    email: `customer.${n}.${hash.toString(36)}@example.com`,
    user_id: `u-${hash.toString(16).padStart(8, '0')}-${n}`,
    account_tier: TIERS[hash % 3] as string,
    country: COUNTRIES[hash % 5] as string,
    segment: `segment-${hash % 97}`,
    churn_risk_score: ((hash % 999_983) + 0.5) / 1_000_000,
    orders: hash % 1_000,
    active: hash % 2 === 0,
    last_active_date: `2026-${String((hash % 12) + 1).padStart(2, '0')}-${String((hash % 28) + 1).padStart(2, '0')}`,
    campaign: `autumn-${hash % 13}-win-back`,
  }
}

/** The rows as a file of JSON lines, made once per size. */
export async function rowsFile(count: number): Promise<string> {
  const path = join(tmpdir(), `lakeloop-bench-${count}.ndjson`)
  if (await stat(path).catch(() => undefined)) return path
  const out = createWriteStream(path)
  for (let at = 0; at < count; at += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, count - at) }, (_, n) => `${JSON.stringify(row(at + n))}\n`)
    if (!out.write(lines.join(''))) await once(out, 'drain')
  }
  out.end()
  await once(out, 'finish')
  return path
}

/** Rows of the file in groups of `size`, read 1 MB at a time: the same reader for every variant. */
export async function* groups(path: string, size: number): AsyncGenerator<BenchRow[]> {
  let rest = ''
  let group: BenchRow[] = []
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, encoding: 'utf8' })) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      group.push(JSON.parse(line) as BenchRow)
      if (group.length < size) continue
      yield group
      group = []
    }
  }
  if (group.length > 0) yield group
}
