/** Answers every bulk update as accepted, at once: in a process of its own, so that its work is nobody's. Prints its port. */
import { createServer } from 'node:http'

const MARK = Buffer.from('"email":')

function count(body: Buffer): number {
  let found = 0
  for (let at = body.indexOf(MARK); at >= 0; at = body.indexOf(MARK, at + MARK.length)) found += 1
  return found
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const path = request.url ?? ''
    let answer: object = { successCount: count(Buffer.concat(chunks)), failCount: 0, failedUpdates: {} }
    if (path.endsWith('/users/getFields')) answer = { fields: {} }
    if (path.endsWith('/lists')) answer = { lists: [] }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer))
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' ? address?.port : 0}\n`)
})
