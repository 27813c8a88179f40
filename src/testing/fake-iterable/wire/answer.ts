import type { JsonObject } from '../../../model/value.js'

/** What the fake answers. `how`: what happens on the wire; only `answer` sends the whole of it. */
export interface FakeAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly how: 'answer' | 'reset' | 'stall' | 'silence'
  /** The fault that made it so. */
  readonly fault?: string
}

export interface FakeRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): FakeAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
  how: 'answer',
})

export const text = (status: number, body: string, type = 'text/plain'): FakeAnswer => ({
  status,
  headers: { 'content-type': type },
  body,
  how: 'answer',
})

/** The usual envelope `{ msg, code, params }`. Source: SW `IterableApiResponse`. */
export const envelope = (status: number, code: string, msg: string, params: JsonObject | null = null): FakeAnswer =>
  json(status, { msg, code, params })

/** A refusal that a handler throws: the request was not applied. */
export class Refused extends Error {
  readonly answer: FakeAnswer

  constructor(answer: FakeAnswer) {
    super('refused')
    this.answer = answer
  }
}
