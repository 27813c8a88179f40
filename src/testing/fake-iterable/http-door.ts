import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FakeAnswer, FakeRequest } from './answer.js'

/** A real HTTP server over the core: faults act on its sockets. */
export async function openDoor(handle: (request: FakeRequest) => FakeAnswer, port: number) {
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    void read(request).then(
      (body) => {
        const headers = request.headers as Record<string, string>
        reply(handle({ method: request.method ?? 'GET', path: request.url ?? '/', headers, body }), response)
      },
      () => response.destroy(),
    )
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
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function read(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function reply(answer: FakeAnswer, response: ServerResponse): void {
  if (answer.how === 'reset') response.socket?.resetAndDestroy()
  if (answer.how === 'reset' || answer.how === 'silence') return
  response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) })
  if (answer.how === 'stall') response.write(answer.body.slice(0, 1))
  else response.end(answer.body)
}
