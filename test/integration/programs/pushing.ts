// A process of a host that pushes: `pushing.ts <store> <writer> <pushes> [<dies at>]`. Says how many rows each push added.
// The store is a file of SQLite, or a schema of the Postgres at URL_OF_TEST.
import { setImmediate } from 'node:timers'
import {
  IdentityResolver,
  IterableDestination,
  ListDeltaComputer,
  RowsSource,
  Sync,
  Transform,
} from '../../../src/index.js'
import { PostgresStore } from '../../../src/stores/postgres.js'
import { SqliteStore } from '../../../src/stores/sqlite.js'

const [place = '', writer = '', pushes = '', diesAt = ''] = process.argv.slice(2)
const { URL_OF_TEST: connectionString } = process.env
const store = connectionString
  ? new PostgresStore({ connectionString, schema: place })
  : new SqliteStore({ path: place })
const sync = new Sync({
  name: 'churn',
  source: new RowsSource({ name: 'scores', rows: [], key: ['id'] }),
  transform: Transform.fromText('export default () => []'),
  identity: new IdentityResolver({ store, target: 'email', namespaces: {} }),
  lists: new ListDeltaComputer({ store }),
  destination: new IterableDestination({
    project: 'test',
    apiKey: 'never-used',
    dataCenter: 'us',
    projectType: 'email',
  }),
  store,
})
for (let nth = 0; nth < Number(pushes); nth += 1) {
  const rows = [0, 1, 2].map((n) => ({ id: `${writer}-${n}`, email: `${writer}${n}@example.com`, score: nth }))
  if (diesAt !== '' && nth === Number(diesAt)) setImmediate(() => process.kill(process.pid, 'SIGKILL')) // over this push
  const { rows: added } = await sync.push(rows, { id: `${writer} ${nth}` })
  console.log(added)
}
await sync.close()
await store.close()
