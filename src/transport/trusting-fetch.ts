import { X509Certificate } from 'node:crypto'
import { Agent, request } from 'node:https'
import { Readable } from 'node:stream'
import type { ReadableStream as WebStream } from 'node:stream/web'
import { createSecureContext, rootCertificates } from 'node:tls'
import { LakeloopError } from '../errors.js'
import type { Fetch } from './http-client.js'

/** Statuses that never have a body, with which a `Response` takes none. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * A fetch that trusts one more certificate, which the platform's own takes no option for: https only, no redirect is
 * followed, and nothing is decompressed.
 *
 * Throws  OPTION_INVALID at once for text that is no certificate.
 * Cost    the platform's bundled roots count, and NODE_EXTRA_CA_CERTS does not.
 */
export function trustingFetch(certificate: string, named: { readonly part: string; readonly option: string }): Fetch {
  const agent = new Agent({ keepAlive: true, secureContext: contextOf(certificate, named) })
  return async (input, init) => {
    const asked = new Request(input, init)
    const body = Buffer.from(await asked.arrayBuffer())
    const { method, signal } = asked
    const headers = { ...Object.fromEntries(asked.headers), 'accept-encoding': 'identity' }
    return await new Promise<Response>((resolve, reject) => {
      const sent = request(asked.url, { agent, method, headers, signal }, (incoming) => {
        const { statusCode = 0, headersDistinct } = incoming
        const answer = new Headers()
        for (const [name, values = []] of Object.entries(headersDistinct)) {
          for (const value of values) answer.append(name, value)
        }
        if (BODILESS.has(statusCode)) incoming.resume()
        const stream = BODILESS.has(statusCode) ? null : (Readable.toWeb(incoming) as WebStream<Uint8Array>)
        resolve(new Response(stream as ReadableStream | null, { status: statusCode, headers: answer }))
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }
}

function contextOf(certificate: string, { part, option }: { readonly part: string; readonly option: string }) {
  try {
    new X509Certificate(certificate) // a context takes anything, and then trusts nobody more
    return createSecureContext({ ca: [...rootCertificates, certificate] })
  } catch (cause) {
    throw new LakeloopError('OPTION_INVALID', { part, option, problem: 'is no certificate in PEM' }, cause)
  }
}
