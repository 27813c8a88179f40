import * as z from 'zod'
import { isLakeloopError } from '../../../errors.js'
import { FAULTS, type Fault, type Faults } from '../faults.js'
import type { Ledger } from '../ledger.js'
import type { HappeningGiven } from '../project.js'
import { query } from '../route.js'
import { ENDPOINTS } from '../routes.js'
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
const fault = z.preprocess(
  (given) => (typeof given === 'string' ? { kind: given } : given),
  z.strictObject({
    kind,
    addresses: addresses.optional(),
    list: z.string().optional(),
    status: z.int().optional(),
    code: z.string().optional(),
    retryAfterS: z.number().min(0).optional(),
  }),
)
const endpoint = z.string().optional()
/** The bodies of `POST /fake/faults`, by the name that makes out which one it is. */
const SCRIPTS = {
  next: z.strictObject({ next: fault, endpoint }),
  at: z.strictObject({ at: z.int().min(1), fault }),
  refuse: z.strictObject({ refuse: addresses, list: z.string().optional(), endpoint }),
  seed: z.strictObject({ seed: z.int(), rate: z.number().min(0).max(1), kinds: z.array(kind).min(1).optional() }),
} as const
const happening = z.strictObject({
  dataType: z.string(),
  createdAt: z.int().optional(),
  lateMs: z.number().min(0).optional(),
  fields: z.record(z.string(), z.json()),
})
const whole = z.string().regex(/^\d+$/, 'a whole number is wanted')
const part = z.object({ address: z.string().optional(), after: whole.default('0'), limit: whole.optional() })

function script(all: Faults, body: unknown): void {
  const has = (name: string) => typeof body === 'object' && body !== null && name in body
  if (has('next')) {
    const { next, endpoint: at } = SCRIPTS.next.parse(body)
    all.next(at, next as Fault)
  } else if (has('at')) {
    const { at, fault: what } = SCRIPTS.at.parse(body)
    all.at(at, what as Fault)
  } else if (has('refuse')) {
    const { refuse, list, endpoint: at } = SCRIPTS.refuse.parse(body)
    all.refuse(refuse, { ...(list && { list }), ...(at && { endpoint: at }) })
  } else if (has('seed')) {
    const { seed, rate, kinds } = SCRIPTS.seed.parse(body)
    all.seeded(seed, { rate, kinds: kinds ?? FAULTS })
  } else throw new TypeError('next, at, refuse or seed is wanted')
}

/** In a line. */
const problemOf = ({ issues }: z.ZodError): string =>
  issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)).join('; ')

function ledgerOf({ ledger }: Controlled, request: FakeRequest): FakeAnswer {
  const [address, after, limit] = ['address', 'after', 'limit'].map((name) => query(request, name))
  const asked = part.parse({ address, after, limit })
  const entries = ledger.entries.filter(
    (one) => one.seq > Number(asked.after) && (address === undefined || one.address === address),
  )
  return json(200, { entries: entries.slice(0, Number(asked.limit ?? ENTRIES_MAX)), requests: ledger.requests() })
}

type Answer = (fake: Controlled, request: FakeRequest, body: unknown) => FakeAnswer
const done = json(200, { done: true })

const ANSWERS: Readonly<Record<string, Answer>> = {
  'GET /': ({ projectType, ledger, activity }, request) =>
    page({ projectType, ledger, activity, search: query(request, 'q')?.trim() ?? '' }),
  'GET /fake/ledger': ledgerOf,
  'GET /fake/activity': ({ activity }) => json(200, { perSecond: activity.perSecond(), failures: activity.failures() }),
  'GET /fake/faults': (fake) => json(200, { hits: fake.faults.hits, kinds: FAULTS, endpoints: [...ENDPOINTS] }),
  'POST /fake/faults': (fake, _, body) => {
    script(fake.faults, body)
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
 * The page at `/` and what lies below `/fake/`, where no path of Iterable's can be; `undefined` for other paths, but not
 * for the picture that browsers ask for. Wants no key, meets no fault and counts as no request. A page of another site may
 * not steer it.
 */
export function control(fake: Controlled, request: FakeRequest): FakeAnswer | undefined {
  const [path = ''] = request.path.split('?')
  if (path !== '/' && path !== '/favicon.ico' && !path.startsWith('/fake/')) return undefined
  const answer = ANSWERS[`${request.method} ${path}`]
  if (answer === undefined) return json(404, { problem: 'no such path', paths: Object.keys(ANSWERS) })
  const { origin, host } = request.headers
  const isOwn = origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
  if (!isOwn) return json(403, { problem: 'of another site' })
  try {
    const text = new TextDecoder().decode(request.body)
    return answer(fake, request, text === '' ? undefined : JSON.parse(text))
  } catch (error) {
    if (error instanceof z.ZodError) return json(400, { problem: problemOf(error) })
    const isTheirs = error instanceof SyntaxError || error instanceof TypeError
    if (isTheirs || isLakeloopError(error)) return json(400, { problem: error.message })
    throw error
  }
}
