/** The thread of a `Matcher`: it answers one question after another. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { isLakeloopError } from '../../errors.js'
import { Matcher } from './matcher.js'
import type { ThreadData } from './thread-data.js'
import type { Answered, Asked, Question } from './thread-protocol.js'

const port = parentPort as MessagePort
const matcher = new Matcher(workerData as ThreadData)
let last: Promise<void> = Promise.resolve()

async function answerOf(asked: Asked): Promise<Omit<Answered, 'nth'>> {
  if (asked.what === 'add') {
    await matcher.add(asked.page)
    return { spare: asked.page.bytes }
  }
  if (asked.what === 'take') {
    matcher.take(asked.part, asked.kept)
    return {}
  }
  if (asked.what === 'end') return { bytes: await matcher.end() }
  if (asked.what === 'match') return { matched: await matcher.match(asked.part) }
  await matcher.close()
  return {}
}

async function answer({ nth, asked }: Question): Promise<void> {
  try {
    const answered = await answerOf(asked)
    const { spare, matched } = answered
    const handedOver = [spare, matched?.wishes].flatMap((one) => one?.buffer ?? []) as ArrayBuffer[]
    port.postMessage({ nth, ...answered }, handedOver)
  } catch (error) {
    // Another error ends the thread, and so the plan.
    if (!isLakeloopError(error, 'LIST_SPOOL')) throw error
    port.postMessage({ nth, problem: String(error.facts.problem) })
  }
}

port.on('message', (question: Question) => {
  last = last.then(() => answer(question))
})
