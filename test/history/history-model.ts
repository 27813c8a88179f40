import { handleOf, handlesOf, keyHandle } from '../../src/history/handles.js'
import type { OutcomeEntry, OutcomeQuestion } from '../../src/history/outcomes.js'
import type { Subject } from '../../src/history/page-records.js'

/** A page as it was recorded, plainly. */
export interface ModelPage {
  readonly run: string
  readonly at: number
  readonly plain: boolean
  readonly subjects: readonly { readonly subject: Subject; erased: boolean }[]
}

/** The oracle: all pages in an array, and every question asked of all of them. */
export class HistoryModel {
  pages: ModelPage[] = []

  page(run: string, at: number, plain: boolean, subjects: readonly Subject[]): void {
    this.pages.push({ run, at, plain, subjects: subjects.map((subject) => ({ subject, erased: false })) })
  }

  prune(before: number): void {
    this.pages = this.pages.filter(({ at }) => at >= before)
  }

  erase(handles: readonly string[]): void {
    for (const { subjects } of this.pages) {
      for (const one of subjects)
        if (handlesIn(one.subject).some((handle) => handles.includes(handle))) one.erased = true
    }
  }

  ask({ handles, runId, reason, status }: OutcomeQuestion): readonly OutcomeEntry[] {
    const found: OutcomeEntry[] = []
    for (const { run, at, plain, subjects } of [...this.pages].reverse()) {
      if (runId !== undefined && run !== runId) continue
      for (const { subject, erased } of subjects) {
        if (handles !== undefined && (erased || !handlesIn(subject).some((one) => handles.includes(one)))) continue
        const { key, address } = subject
        const who = plain && !erased ? { ...(key && { key }), ...(address && { address }) } : {}
        for (const end of subject.ends) {
          if (status !== undefined && end.status !== status) continue
          if (reason !== undefined && end.reason?.code !== reason) continue
          found.push({ runId: run, at: new Date(at).toISOString(), ...end, ...who })
        }
      }
    }
    return found
  }
}

export const handlesIn = ({ identifiers, key, address }: Subject): readonly string[] => [
  ...handlesOf(identifiers),
  ...(key === undefined ? [] : [keyHandle(key)]),
  ...(address === undefined ? [] : [handleOf('email', address)]),
]
