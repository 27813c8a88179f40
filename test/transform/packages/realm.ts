import { join } from 'node:path'
import { constants, createContext, Script } from 'node:vm'
import { build } from 'esbuild'
import type * as Realm from './realm-entry.js'

interface Source {
  readonly slug: string
  readonly source: string
}

/** What a program gave, or what it threw. */
export interface Said {
  readonly value?: unknown
  readonly thrown?: string
  readonly logs?: readonly unknown[]
}

/** The text of realm-entry.ts, bundled as scripts/build-child.ts bundles the realm of the child. */
export async function realmText(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'realm-entry.ts')],
    bundle: true,
    write: false,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'node20',
    format: 'iife',
    globalName: 'testRealm',
    charset: 'ascii',
    banner: { js: '"use strict";' },
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}

/** A locked-down realm without anything of Node, in this process. */
export class TestRealm {
  readonly #realm: typeof Realm
  readonly #context: object

  static async open(): Promise<TestRealm> {
    return new TestRealm(await realmText())
  }

  private constructor(text: string) {
    this.#context = createContext(constants.DONT_CONTEXTIFY as unknown as object, { microtaskMode: 'afterEvaluate' })
    new Script(text, { filename: 'test:realm' }).runInContext(this.#context)
    this.#realm = new Script('testRealm').runInContext(this.#context) as typeof Realm
  }

  /** Hands over what programs may require from now on. */
  give(sources: readonly Source[]): void {
    this.#realm.give(JSON.stringify(sources))
  }

  /** Runs the body of an async function of `require` and `names` as one batch. */
  run(body: string, { seed = '', now = 0 }: { seed?: string; now?: number } = {}): Said {
    this.#call(`run(${JSON.stringify(body)}, ${JSON.stringify(seed)}, ${now})`)
    return JSON.parse(this.#realm.said()) as Said
  }

  /** What a program could get hold of, starting at a package, that it must not: see realm-entry.ts. */
  loot(slug: string, has: readonly string[]): readonly string[] {
    this.#call(`look(${JSON.stringify(slug)}, ${JSON.stringify(has.join(' '))})`)
    return (JSON.parse(this.#realm.said()) as Said).value as string[]
  }

  /** Promises settle before it returns. */
  #call(call: string): void {
    new Script(`testRealm.${call}`).runInContext(this.#context)
  }
}
