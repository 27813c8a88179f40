import { compileFunction } from 'node:vm'
import { escaped, lookalikes } from '../child/escape.js'

/** Each look-alike that stands in code costs a compilation. */
const IN_CODE_MAX = 200

/** What keeps a text from being evaluated in the sandbox. */
export class NotSafe extends Error {}

/**
 * A script as SES takes it, with the same meaning. Nothing of it runs here.
 *
 * Shape   the body of a function of `module`, `exports` and `require`, in strict mode.
 * Throws  NotSafe.
 */
export function censorSafe(script: string): string {
  const broken = problemOf(script)
  if (broken !== undefined) throw new NotSafe(`is no CommonJS script (${broken})`)
  const safe = escaped(script)
  return problemOf(safe) === undefined ? safe : escaped(partedInCode(script))
}

/** Tells the look-alikes in code from those in texts: an escape in code does not compile. `n-->0` is `n-- > 0`. */
function partedInCode(script: string): string {
  const all = lookalikes(script)
  if (all.length > IN_CODE_MAX) throw new NotSafe(`has more than ${IN_CODE_MAX} HTML comments, import() or eval()`)
  let parted = ''
  let from = 0
  for (const { found, at } of all.filter((one) => problemOf(escaped(script, one.at)) !== undefined)) {
    if (found !== '-->') throw new NotSafe(found === '<!--' ? 'has an HTML comment' : `calls ${found}()`)
    parted += `${script.slice(from, at)}-- >`
    from = at + found.length
  }
  parted += script.slice(from)
  if (problemOf(parted) !== undefined) throw new NotSafe('has an HTML comment')
  return parted
}

/** Why a text does not compile; undefined if it does. */
function problemOf(script: string): string | undefined {
  try {
    compileFunction(`'use strict';${script}`, ['module', 'exports', 'require'], { filename: 'bundle' })
    return undefined
  } catch (error) {
    const line = /^bundle:(\d+)/.exec((error as Error).stack ?? '')?.[1]
    return `line ${line ?? 1}`
  }
}
