import type { World } from './world.js'

/** Spark's JSON of a field, as it stands in `type_json`. */
export const field = (name: string, type: unknown, metadata: object = {}): string =>
  JSON.stringify({ name, type, nullable: true, metadata })

const column = (name: string, position: number, type: unknown, type_text: string, more: object = {}) => ({
  name,
  position,
  type_text,
  type_json: field(name, type, { 'delta.columnMapping.id': position + 1 }),
  nullable: true,
  ...more,
})

/** A table with everything that matters to lakeloop. */
export const USERS = {
  name: 'users',
  table_id: 'id-users',
  table_type: 'MANAGED',
  data_source_format: 'DELTA',
  comment: 'everybody',
  columns: [
    // out of order on purpose
    column('score', 2, 'decimal(8,2)', 'decimal(8,2)'),
    column('user_id', 0, 'long', 'bigint', { nullable: false, comment: 'the key' }),
    column('email', 1, 'string', 'string', {
      mask: { function_name: 'main.sec.mask_email', using_column_names: ['user_id'] },
    }),
  ],
  row_filter: { function_name: 'main.sec.own_rows', input_column_names: ['user_id'] },
  table_constraints: [
    { foreign_key_constraint: { name: 'f', child_columns: ['score'], parent_table: 'a.b.c', parent_columns: ['x'] } },
    { primary_key_constraint: { name: 'k', child_columns: ['user_id', 'score'], timeseries_columns: ['score'] } },
  ],
  properties: { 'delta.enableChangeDataFeed': 'true' },
}

const plain = (name: string) => ({ name, table_type: 'MANAGED', data_source_format: 'DELTA', columns: [] })

/** `app-1` reads schema main.crm, may browse catalog lab, and sees nothing of catalog hr. */
export const WORLD: World = {
  catalogs: [
    {
      name: 'main',
      comment: 'production',
      schemas: [
        { name: 'crm', tables: [USERS, plain('orders'), plain('user_scores'), plain('userxscores'), plain('visits')] },
        { name: 'raw', tables: [plain('users')] },
      ],
    },
    { name: 'lab', schemas: [{ name: 'trial', tables: [{ ...USERS, name: 'guests' }] }] },
    { name: 'hr', schemas: [{ name: 'pay', tables: [plain('salaries')] }] },
  ],
  grants: [
    { on: 'catalog main', to: 'app-1', privileges: ['USE_CATALOG'] },
    { on: 'schema main.crm', to: 'app-1', privileges: ['USE_SCHEMA', 'SELECT'] },
    { on: 'catalog lab', to: 'app-1', privileges: ['BROWSE'] },
    { on: 'catalog hr', to: 'somebody', privileges: ['ALL_PRIVILEGES'] },
  ],
  tags: {
    'tables main.crm.users': { domain: 'crm' },
    'columns main.crm.users.email': { pii: 'email', owner: '' },
  },
}
