/** What came back, as far as {@link HttpClient} looks at it. A `Response` is one. */
export interface Exchanged {
  readonly status: number
  readonly redirected: boolean
  readonly headers: { get(name: string): string | null }
  readonly body: AnswerBody | null
}

export interface AnswerBody {
  getReader(): AnswerReader
  /** Nobody reads it. */
  cancel(): Promise<void>
}

export interface AnswerReader {
  read(): Promise<{ readonly done: false; readonly value: Uint8Array } | { readonly done: true }>
  cancel(): Promise<void>
}

export interface Sent {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly signal: AbortSignal
}

/** Sends one request, once, and follows no redirect. */
export type Exchange = (url: string, sent: Sent) => Promise<Exchanged>
