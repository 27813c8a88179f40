import type { JsonObject } from '../../../model/value.js'
import type { Fault } from '../faults.js'
import { envelope, type FakeAnswer, json, text } from './answer.js'

const AGAIN = 'An error occurred. Please try again later.'
const THROTTLED = 'Exceeded rate limit of 5.0 per second for endpoint'

/** What a fault answers without doing the work; `undefined` for those that need it done. */
export function instead(fault: Fault, endpoint: string): FakeAnswer | undefined {
  const lost = (how: FakeAnswer['how']): FakeAnswer => ({ status: 200, headers: {}, body: '', how })
  const throttled = { msg: `${THROTTLED}: /api/${endpoint}, project: 1`, code: 'RateLimitExceeded', params: {} }
  switch (fault.kind) {
    case 'throttle':
      return json(429, throttled)
    case 'throttle with Retry-After':
      return json(429, throttled, { 'retry-after': String(fault.retryAfterS ?? 1) })
    case 'server error':
      return envelope(fault.status ?? 500, fault.code ?? 'GenericError', AGAIN)
    case 'unavailable':
      return text(503, 'Service Unavailable')
    case 'too large': // not documented; block/iterable-go handles it
      return text(413, 'Payload Too Large')
    case 'unauthorized':
      return envelope(401, 'BadApiKey', 'Invalid API key', { ip: '192.0.2.1', endpoint: `/api/${endpoint}` })
    case 'failure in 200': // Source: FH, which looks at the code beside a 200 as well
      return envelope(200, 'GenericError', AGAIN)
    case 'redirect':
      return { status: 307, headers: { location: 'https://elsewhere.example.com/' }, body: '', how: 'answer' }
    case 'HTML 502':
      return text(502, '<html><body>502 Bad Gateway</body></html>', 'text/html')
    case 'reset before apply':
      return lost('reset')
    case 'no answer':
      return lost('silence')
    default:
      return undefined
  }
}

/** The answer of work that was done, lost or spoilt; `undefined` where the fault has no meaning for it. */
export function afterwards(fault: Fault, answer: FakeAnswer): FakeAnswer | undefined {
  if (fault.kind === 'reset after apply') return { ...answer, how: 'reset' }
  if (fault.kind === 'stalled body') return { ...answer, how: 'stall' }
  if (answer.status < 200 || answer.status > 202) return undefined
  switch (fault.kind) {
    case 'empty 200':
      return { ...answer, body: '' }
    case 'truncated JSON':
      return { ...answer, body: answer.body.slice(0, answer.body.length >> 1) }
    case 'HTML 200':
      return text(200, '<html><body>Welcome</body></html>', 'text/html')
    case 'wrong counts':
      return miscounted(answer)
    default:
      return undefined
  }
}

/** One failure more than the lists name. */
function miscounted(answer: FakeAnswer): FakeAnswer | undefined {
  if (!answer.headers['content-type']?.startsWith('application/json')) return undefined
  const body = JSON.parse(answer.body) as JsonObject
  const { successCount, failCount } = body
  if (typeof successCount !== 'number' || typeof failCount !== 'number' || successCount === 0) return undefined
  return { ...answer, body: JSON.stringify({ ...body, successCount: successCount - 1, failCount: failCount + 1 }) }
}
