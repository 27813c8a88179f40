import { CATALOGS } from './catalogs/catalogs.js'
import { COMMERCE } from './commerce.js'
import { EVENTS } from './events.js'
import { EXPORT } from './export/export.js'
import { LISTS } from './lists.js'
import { type Route, route } from './route.js'
import { SUBSCRIPTION_GROUPS } from './subscription-groups.js'
import { DELETIONS } from './users/deletions.js'
import { SUBSCRIPTION_UPDATES } from './users/subscriptions.js'
import { CHANGES } from './users/user-changes.js'
import { MERGES } from './users/user-merge.js'
import { READS } from './users/user-reads.js'
import { UPDATES } from './users/users.js'
import { json } from './wire/answer.js'

/** Every endpoint of the fake, by area. The first that fits is it, so that fixed names stand before names with a part. */
export const ROUTES: readonly Route[] = [
  ...READS,
  ...UPDATES,
  ...CHANGES,
  ...MERGES,
  ...DELETIONS,
  ...SUBSCRIPTION_UPDATES,
  ...SUBSCRIPTION_GROUPS,
  ...EVENTS,
  ...COMMERCE,
  ...LISTS,
  ...CATALOGS,
  ...EXPORT,
  route('GET channels', () => json(200, { channels: [] })),
]

/** What rates, faults and counters call them. */
export const ENDPOINTS: ReadonlySet<string> = new Set(ROUTES.map(({ endpoint }) => endpoint))
