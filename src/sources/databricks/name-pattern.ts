import { LakeloopError } from '../../errors.js'

/** A pattern for tables, taken apart. */
export interface NamePattern {
  /** One per part: catalog, schema, table. */
  readonly catalog: LikePattern
  readonly schema: LikePattern
  readonly table: LikePattern
}

export interface LikePattern {
  /** For the server: at least what fits, since nobody says whether it knows an escape. In lower case, as it keeps names. */
  readonly wide: string
  /** The name itself, where the pattern has no wildcard. */
  readonly exact: string | undefined
  /** What fits, upper or lower case alike, as names in Unity Catalog are. */
  fits(name: string): boolean
}

/**
 * `table`, `schema.table` or `catalog.schema.table`, each a LIKE pattern: `%` any letters, `_` one, `\` before either for
 * the letter itself. A part that is not there is any.
 *
 * Throws  OPTION_INVALID
 */
export function namePattern(text: string): NamePattern {
  const parts = text.split('.')
  const bad = parts.find((part) => part === '' || /(?:^|[^\\])(?:\\\\)*\\(?![%_\\])/.test(part))
  if (bad !== undefined || parts.length > 3 || text.length > 765) {
    const problem = 'is no pattern like user%, crm.user% or main.crm.user%'
    throw new LakeloopError('OPTION_INVALID', { part: 'DatabricksCatalog', option: 'pattern', problem })
  }
  const [table = '%', schema = '%', catalog = '%'] = parts.reverse()
  return { catalog: like(catalog), schema: like(schema), table: like(table) }
}

function like(part: string): LikePattern {
  const tokens = part.match(/\\[%_\\]|[\s\S]/g) ?? []
  const isWild = (token: string): boolean => token === '%' || token === '_'
  const literal = (token: string): string => token.replace(/^\\(?=.)/, '')
  const wide = tokens
    .map((token) => (token.length === 2 ? '_' : token))
    .join('')
    .toLowerCase()
  const source = tokens.map((token) => {
    if (token === '%') return '[^]*'
    return token === '_' ? '[^]' : literal(token).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  const fitting = new RegExp(`^${source.join('')}$`, 'iu')
  return {
    wide,
    exact: tokens.some(isWild) ? undefined : tokens.map(literal).join(''),
    fits: (name) => fitting.test(name),
  }
}
