import { parentPort, workerData } from 'node:worker_threads'
import { findDriver } from './driver.js'
import { SqliteFile } from './file.js'
import type { Found } from './texts.js'
import { type Answer, faultOf, type Question, type Request, type Start, unpack } from './wire.js'

// The program of a file's thread: scripts/build-child.ts makes one text of it, so that no bundler can lose it.

const { path, busyTimeoutMs, libsqlAt } = workerData as Start
const file = new SqliteFile(path, (name) => findDriver(libsqlAt)(name), busyTimeoutMs)

async function found(question: Question): Promise<Found | undefined> {
  switch (question.ask) {
    case 'get':
      return await file.get(question.table, question.keys)
    case 'scan':
      return await file.scan(question.table, question.span)
    case 'write':
      await file.write(unpack(question.writes))
      return undefined
    case 'close':
      await file.close()
      return undefined
  }
}

async function answerOf({ id, question }: Request): Promise<Answer> {
  try {
    return { id, found: await found(question) }
  } catch (error) {
    return { id, fault: faultOf(error, path) }
  }
}

parentPort?.on('message', async (request: Request) => parentPort?.postMessage(await answerOf(request)))
