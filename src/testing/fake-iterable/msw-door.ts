import { LakeloopError } from '../../errors.js'
import type { FakeAnswer, FakeRequest } from './answer.js'

/** The same core as request handlers of msw, for tests without a port. A stalled or silent answer never comes. */
export async function mswDoor(
  handle: (request: FakeRequest) => FakeAnswer,
  baseUrl: string,
): Promise<readonly unknown[]> {
  const { http, HttpResponse } = await import('msw').catch((error: unknown) => {
    throw new LakeloopError('PEER_MISSING', { package: 'msw' }, error)
  })
  return [
    http.all(`${baseUrl}/*`, async ({ request }) => {
      const url = new URL(request.url)
      const answer = handle({
        method: request.method,
        path: `${url.pathname}${url.search}`,
        headers: Object.fromEntries(request.headers),
        body: new Uint8Array(await request.arrayBuffer()),
      })
      if (answer.how === 'reset') return HttpResponse.error()
      if (answer.how !== 'answer') return new Promise<never>(() => undefined)
      return new HttpResponse(answer.body, { status: answer.status, headers: { ...answer.headers } })
    }),
  ]
}
