import { LakeloopError } from '../../../errors.js'
import type { FakeAnswer, FakeRequest } from './answer.js'

/** The same core as request handlers of msw, for tests without a port. What stalls or is silent never comes to its end. */
export async function mswDoor(
  handle: (request: FakeRequest) => Promise<FakeAnswer>,
  baseUrl: string,
): Promise<readonly unknown[]> {
  const { http, HttpResponse } = await import('msw').catch((error: unknown) => {
    throw new LakeloopError('PEER_MISSING', { package: 'msw' }, error)
  })
  return [
    http.all(`${baseUrl}/*`, async ({ request }) => {
      const url = new URL(request.url)
      const { status, headers, body, how } = await handle({
        method: request.method,
        path: `${url.pathname}${url.search}`,
        headers: { ...Object.fromEntries(request.headers), host: url.host },
        body: new Uint8Array(await request.arrayBuffer()),
      })
      if (how === 'reset') return HttpResponse.error()
      if (how === 'silence') return new Promise<never>(() => undefined)
      return new HttpResponse(how === 'stall' ? stalled(body) : body, { status, headers: { ...headers } })
    }),
  ]
}

/** The first character, and nothing after it. */
const stalled = (body: string): ReadableStream<Uint8Array> =>
  new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode(body.slice(0, 1))) })
