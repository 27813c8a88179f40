/** Starts the lakehouse engine by hand, says how to reach it, and ends it, tables and all, at Ctrl-C. */
import { rmSync, writeFileSync } from 'node:fs'
import { notSetUp, RUNNING, startEngine } from '../test/lakehouse/engine.js'

const problem = notSetUp()
if (problem !== undefined) {
  console.error(`lakehouse: ${problem}`)
  process.exit(1)
}

const { spark, pid, stop, ...lake } = await startEngine()
writeFileSync(RUNNING, JSON.stringify({ ...lake, pid }), { mode: 0o600 })
console.log(`Spark ${spark} with Delta, as a SQL warehouse. While it runs, npm test and npm run demo:lakehouse use it.

  new DatabricksSource({
    host: 'localhost',
    port: ${lake.port},
    allowPrivateHost: true,
    httpPath: '/sql/1.0/warehouses/lake',
    auth: { token: '${lake.token}' },
    customCaCert: JSON.parse(readFileSync('.lakehouse/running.json', 'utf8')).ca,
    table: 'main.default.my_table',
  })

Ctrl-C ends it.`)

await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
rmSync(RUNNING, { force: true })
await stop()
