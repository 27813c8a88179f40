import { request } from 'node:https'
import type { Fetch } from './http-client.js'

/**
 * A fetch that trusts one certificate more: Node's own takes none without a package. As much of `fetch` as
 * {@link HttpClient} uses: no redirects are followed, an answer is streamed.
 *
 * @param ca  PEM, besides the usual authorities
 */
export function fetchTrusting(ca: string): Fetch {
  return async (input, init) => {
    const asked = new Request(input, init)
    const { rootCertificates } = await import('node:tls')
    const body = asked.body === null ? undefined : Buffer.from(await asked.arrayBuffer())
    const { method, signal } = asked
    const options = { method, signal, headers: Object.fromEntries(asked.headers), ca: [...rootCertificates, ca] }
    return await new Promise<Response>((resolve, reject) => {
      const sent = request(asked.url, options, (answer) => {
        const stream = new ReadableStream<Uint8Array>({
          start(controller) {
            answer.on('data', (part: Uint8Array) => controller.enqueue(part))
            answer.once('end', () => controller.close())
            answer.once('error', (error) => controller.error(error))
          },
          cancel: () => void answer.destroy(),
        })
        const headers = Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as [string, string])
        const status = answer.statusCode ?? 0
        const isEmpty = status === 204 || status === 304
        resolve(new Response(isEmpty ? null : stream, { status, headers }))
      })
      sent.once('error', reject)
      sent.end(body)
    })
  }
}
