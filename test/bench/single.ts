/**
 * `npx tsx test/bench/single.ts`: small requests of one record each to a no-op server in another process, 32 at once, through
 * ky on the platform's fetch and through undici. BENCH_ROWS (default 20,000) and BENCH_ROUNDS (default 5), in alternating
 * order. Read the ratio; method: docs/benchmarks.md.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { HttpClient } from '../../src/transport/http-client.js'
import { UndiciExchange } from '../../src/transport/undici-exchange.js'
import { median } from './median.js'

const ROWS = Number(process.env.BENCH_ROWS ?? 20_000)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const AT_ONCE = 32

const server = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'no-op-server.ts')], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const [port] = (await once(server.stdout, 'data')) as [Buffer]
const baseUrl = `http://127.0.0.1:${port.toString().trim()}`
const undici = new UndiciExchange()
const clients = {
  'ky, fetch': new HttpClient({ baseUrl }),
  undici: new HttpClient({ baseUrl, exchange: (url, sent) => undici.send(url, sent) }),
}
const body = Buffer.from(
  '{"user":{"email":"a@example.com"},"items":[{"id":"1","name":"Shoe","price":5,"quantity":1}],"total":5}',
)
const request = {
  endpoint: 'purchase',
  method: 'POST',
  path: '/api/commerce/trackPurchase',
  headers: {},
  body,
} as const
const { signal } = new AbortController()

async function measured(client: HttpClient) {
  let left = ROWS
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  const worker = async (): Promise<void> => {
    while (left-- > 0) await client.send(request, signal)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: ROWS / ((performance.now() - began) / 1_000), cpuMicros: (user + system) / ROWS }
}

const all: Record<keyof typeof clients, { perSecond: number; cpuMicros: number }[]> = { 'ky, fetch': [], undici: [] }
const names = Object.keys(clients) as (keyof typeof clients)[]
for (let round = 0; round < ROUNDS; round++) {
  for (const name of round % 2 === 0 ? names : names.toReversed()) all[name].push(await measured(clients[name]))
}
await undici.close()
server.kill()

console.log(`${ROWS} requests, ${AT_ONCE} at once, median of ${ROUNDS}, Node ${process.version}`)
for (const name of names) {
  const perSecond = median(all[name].map((one) => one.perSecond))
  const cpu = median(all[name].map((one) => one.cpuMicros))
  console.log(
    `${name.padEnd(12)} ${perSecond.toFixed(0).padStart(8)} requests/s ${cpu.toFixed(0).padStart(8)} us of CPU each`,
  )
}
