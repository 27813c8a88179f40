// What `npx lakeloop` runs. Secrets are read from the environment, here and nowhere else.

import { DatabricksSource, IdentityResolver, IterableDestination, ListDeltaComputer, Sync, Transform } from 'lakeloop'
import { SqliteStore } from 'lakeloop/stores/sqlite'

const env = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`set ${name}`)
  return value
}
const store = new SqliteStore({ path: 'lakeloop.db' })

export default [
  new Sync({
    name: 'churn-scores',
    source: new DatabricksSource({
      host: env('DATABRICKS_HOST'),
      httpPath: env('DATABRICKS_HTTP_PATH'),
      auth: { clientId: env('DATABRICKS_CLIENT_ID'), clientSecret: () => env('DATABRICKS_CLIENT_SECRET') },
      table: 'main.analytics.user_churn_scores',
      key: ['user_id'],
    }),
    transform: Transform.fromFile('churn.transform.ts'),
    identity: new IdentityResolver({
      store,
      target: 'email',
      namespaces: { customer_id: { priority: 1, maxIdentifiers: 1, anchor: true } },
    }),
    lists: new ListDeltaComputer({ store }),
    destination: new IterableDestination({
      project: 'prod',
      apiKey: () => env('ITERABLE_API_KEY'),
      dataCenter: 'us',
      projectType: 'email',
    }),
    store,
  }),
]
