import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const page = readFileSync(join(import.meta.dirname, '../../docs/spark.md'), 'utf8')

/** A call that the page shows, and what it says comes of it: an expression, or the error. */
export interface Example {
  readonly call: string
  readonly result: string
}

const blocks = [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)

/** Each call with the comment behind it. Throws on a part of a block that is neither. */
export const examples: readonly Example[] = blocks
  .filter((text) => !text.startsWith('export default'))
  .flatMap((text) => text.trim().split('\n\n'))
  .map((text) => {
    const found = /^(spark\.[\s\S]*)\n\/\/ (.*)$/.exec(text)
    if (found === null) throw new Error(`docs/spark.md: no call with its result: ${text}`)
    return { call: found[1] as string, result: found[2] as string }
  })

/** The program that the page begins with, its row and what it makes of it. */
export const [, program = '', row = '', dataFields = ''] =
  /<!-- program -->\n\n```js\n([\s\S]*?)^```$[\s\S]*?^```json\n([\s\S]*?)^```$[\s\S]*?^```json\n([\s\S]*?)^```$/m.exec(
    page,
  ) ?? []

/** Name and message of the error, where the page shows one. */
export const errorIn = ({ result }: Example): readonly [name: string, message: string] | undefined => {
  const found = /^(TypeError|RangeError): (.*)$/.exec(result)
  return found === null ? undefined : [found[1] as string, found[2] as string]
}
