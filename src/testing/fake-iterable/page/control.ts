import * as z from 'zod'
import { isLakeloopError } from '../../../errors.js'
import { FAULTS, type Faults } from '../faults.js'
import type { Ledger } from '../ledger.js'
import type { HappeningGiven } from '../project.js'
import { query } from '../route.js'
import { type FakeAnswer, type FakeRequest, json } from '../wire/answer.js'
import type { Activity } from './activity.js'
import { page } from './page.js'

/** What can be looked at and steered from outside. */
export interface Controlled {
  readonly projectType: string
  readonly ledger: Ledger
  readonly faults: Faults
  readonly activity: Activity
  reset(): void
  happened(happening: HappeningGiven): void
}

/** Entries of the ledger in one answer, unless told. */
const ENTRIES_MAX = 1_000

const kind = z.enum(FAULTS)
const addresses = z.array(z.string())
const fault = z.union([
  kind,
  z.strictObject({
    kind,
    addresses: addresses.optional(),
    list: z.string().optional(),
    retryAfterS: z.number().optional(),
  }),
])
const shared = { list: z.string().optional(), endpoint: z.string().optional() }
/** The body of `POST /fake/faults`: one script, rule or seed. */
const faults = z.union([
  z.strictObject({ next: fault, endpoint: z.string().optional() }),
  z.strictObject({ at: z.int().min(1), fault }),
  z.strictObject({ refuse: addresses, ...shared }),
  z.strictObject({ seed: z.int(), rate: z.number().min(0).max(1), kinds: z.array(kind).min(1).optional() }),
])
const happening = z.strictObject({
  dataType: z.string(),
  createdAt: z.int().optional(),
  lateMs: z.number().min(0).optional(),
  fields: z.record(z.string(), z.json()),
})

function script(all: Faults, body: z.infer<typeof faults>): void {
  if ('next' in body) all.next(body.endpoint, body.next as never)
  else if ('at' in body) all.at(body.at, body.fault as never)
  else if ('refuse' in body)
    all.refuse(body.refuse, {
      ...(body.list && { list: body.list }),
      ...(body.endpoint && { endpoint: body.endpoint }),
    })
  else all.seeded(body.seed, { rate: body.rate, kinds: body.kinds ?? FAULTS })
}

function ledgerOf({ ledger }: Controlled, request: FakeRequest): FakeAnswer {
  const address = query(request, 'address')
  const after = Number(query(request, 'after') ?? 0)
  const limit = Number(query(request, 'limit') ?? ENTRIES_MAX)
  const entries = ledger.entries.filter((one) => one.seq > after && (address === undefined || one.address === address))
  return json(200, { entries: entries.slice(0, limit), requests: ledger.requests() })
}

type Answer = (fake: Controlled, request: FakeRequest, body: unknown) => FakeAnswer
const done = json(200, { done: true })

const ANSWERS: Readonly<Record<string, Answer>> = {
  'GET /': ({ projectType, ledger, activity }, request) =>
    page({ projectType, ledger, activity, search: query(request, 'q') ?? '' }),
  'GET /fake/ledger': ledgerOf,
  'GET /fake/activity': ({ activity }) => json(200, { perSecond: activity.perSecond(), failures: activity.failures() }),
  'GET /fake/faults': (fake) => json(200, { hits: fake.faults.hits }),
  'POST /fake/faults': (fake, _, body) => {
    script(fake.faults, faults.parse(body))
    return done
  },
  'DELETE /fake/faults': (fake) => {
    fake.faults.clear()
    return done
  },
  'POST /fake/happened': (fake, _, body) => {
    fake.happened(happening.parse(body) as HappeningGiven)
    return done
  },
  'POST /fake/reset': (fake) => {
    fake.reset()
    return done
  },
}

/**
 * The page at `/` and what lies below `/fake/`, where no path of Iterable's can be; `undefined` for other paths. Wants no
 * key, meets no fault and counts as no request. A page of another site may not steer it.
 */
export function control(fake: Controlled, request: FakeRequest): FakeAnswer | undefined {
  const [path = ''] = request.path.split('?')
  if (path !== '/' && !path.startsWith('/fake/')) return undefined
  const answer = ANSWERS[`${request.method} ${path}`]
  if (answer === undefined) return json(404, { problem: 'no such path', paths: Object.keys(ANSWERS) })
  const { origin, host } = request.headers
  const isOwn = origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
  if (!isOwn) return json(403, { problem: 'of another site' })
  try {
    const text = new TextDecoder().decode(request.body)
    return answer(fake, request, text === '' ? undefined : JSON.parse(text))
  } catch (error) {
    const isTheirs = error instanceof z.ZodError || error instanceof SyntaxError || error instanceof TypeError
    if (isTheirs || isLakeloopError(error)) return json(400, { problem: error.message })
    throw error
  }
}
