import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FakeAnswer, FakeRequest } from './answer.js'

type Handle = (request: FakeRequest, signal: AbortSignal) => Promise<FakeAnswer>

/** Bytes of a body that are kept: enough to see that it is too large. The rest is read and dropped. */
const BODY_KEPT_MAX = 8_000_000

/** A real HTTP server over the core: faults act on its sockets. */
export async function openDoor(handle: Handle, port: number) {
  const sockets = new Set<Socket>()
  const closing = new AbortController()
  const server = createServer((request, response) => {
    void serve(request, response, (asked) => handle(asked, closing.signal))
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://127.0.0.1:${bound}`,
    close: async (): Promise<void> => {
      closing.abort()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** A client that goes away, or a door that closes, ends it without an answer. An error of the fake itself is a loud 500. */
async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  handle: (request: FakeRequest) => Promise<FakeAnswer>,
): Promise<void> {
  const { method = 'GET', url = '/' } = request
  try {
    const body = await read(request)
    reply(await handle({ method, path: url, headers: request.headers as Record<string, string>, body }), response)
  } catch (error) {
    if (request.destroyed && !request.complete) return
    const isClosing = error instanceof Error && error.name === 'AbortError'
    if (isClosing) response.destroy()
    else response.writeHead(500, { 'content-type': 'text/plain' }).end(`The fake is broken: ${String(error)}`)
  }
}

async function read(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (size < BODY_KEPT_MAX) chunks.push(chunk)
    size += chunk.length
  }
  return Buffer.concat(chunks)
}

function reply(answer: FakeAnswer, response: ServerResponse): void {
  if (answer.how === 'reset') response.socket?.resetAndDestroy()
  if (answer.how === 'reset' || answer.how === 'silence') return
  response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) })
  if (answer.how === 'answer') response.end(answer.body)
  else if (answer.body.length > 1) response.write(answer.body.slice(0, 1))
  else response.flushHeaders()
}
