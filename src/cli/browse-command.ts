import type { BrowsedColumn, BrowsedObject, BrowsedTable, DatabricksCatalog, FoundTable } from '../index.js'
import { CONFIG_OPTIONS, command, SYNC_OPTION } from './command.js'
import { type Config, chosen } from './config.js'
import { jsonLine, oneLine } from './screen.js'
import { UsageError } from './usage.js'

export const browseCommand = command({
  name: 'browse',
  summary: 'looks around in Unity Catalog: catalogs, schemas, tables, columns',
  usage: ['[CATALOG[.SCHEMA[.TABLE]]] [options]', '--search PATTERN [options]'],
  about: 'As the principal of a sync that reads from Databricks, without a warehouse.',
  options: {
    ...CONFIG_OPTIONS,
    sync: SYNC_OPTION,
    search: { type: 'string', value: 'PATTERN', says: 'tables by a LIKE pattern: %score%, main.crm.user%' },
    tags: { type: 'boolean', says: 'with tags, which take a request more for each object' },
  },
  examples: [
    ['browse', 'the catalogs'],
    ['browse main.analytics', 'the tables and views of a schema'],
    ['browse main.analytics.user_churn_scores', 'its columns, with full types'],
    ["browse --search '%churn%'", 'tables of that name, anywhere'],
  ],
  exits: [0, 1, 2],
  async run({ values, positionals }, { config, say }) {
    const [path, ...others] = positionals
    if (others.length > 0 || (path !== undefined && values.search !== undefined)) {
      throw new UsageError('one place, or --search')
    }
    const catalog = catalogOf(await config(values.config), values.sync)
    let found = 0
    for await (const one of entries(catalog, { path, search: values.search, tags: values.tags === true })) {
      found += 1
      say(values.json === true ? jsonLine(one) : oneLine(lineOf(one)))
    }
    if (found === 0 && values.json !== true) say('nothing that the principal may see')
    return 0
  },
})

type Entry = BrowsedObject | BrowsedTable | BrowsedColumn | FoundTable

interface Asked {
  readonly path: string | undefined
  readonly search: string | undefined
  readonly tags: boolean
}

function entries(catalog: DatabricksCatalog, { path, search, tags }: Asked): AsyncGenerator<Entry> {
  if (search !== undefined) return catalog.search(search)
  if (path === undefined) return catalog.list({ tags })
  // A part with a dot in it stands in back-quotes.
  const parts = path.match(/`(?:[^`]|``)*`|[^.`]+/g) ?? []
  const [name = '', schema = ''] = parts.map((part) =>
    part.startsWith('`') ? part.slice(1, -1).replaceAll('``', '`') : part,
  )
  if (parts.length === 1) return catalog.schemas(name, { tags })
  if (parts.length === 2) return catalog.tables(name, schema, { tags })
  return catalog.columns(path, { tags })
}

/** Of the first sync that has one, unless one is named. */
function catalogOf(config: Config, name: string | undefined): DatabricksCatalog {
  for (const { parts } of chosen(config, name === undefined ? [] : [name])) {
    const { catalog } = parts.source as { readonly catalog?: DatabricksCatalog }
    if (typeof catalog?.search === 'function') return catalog
  }
  throw new UsageError(
    `${name === undefined ? 'no sync of the config reads' : `the sync ${name} does not read`} from Databricks`,
  )
}

function lineOf(one: Entry): string {
  const { name, fullName, tableType, format, type, comment, browseOnly, tags } = one as Partial<Record<string, unknown>>
  const labels = Object.entries((tags ?? {}) as object).map(([key, value]) => (value === '' ? key : `${key}=${value}`))
  const more = [type, tableType, format, browseOnly === true ? '(browse only)' : undefined, ...labels]
  const shown = [fullName ?? name, ...more].filter((text) => typeof text === 'string' && text !== '')
  return `${shown.join('  ')}${typeof comment === 'string' && comment !== '' ? `  -- ${comment}` : ''}`
}
