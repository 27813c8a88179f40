/** What a suite needs of a test runner: vitest, `node:test`, Jest and Mocha (as `{ test: it }`) have it. */
export interface TestRunner {
  test(name: string, run: () => Promise<void>): unknown
}

/**
 * Declares every case of a conformance suite as a test of the host's own runner.
 *
 *     conformance({ test }, storeConformance, async () => new MyStore())
 *
 * @param make  what each case works on, fresh every time
 */
export function conformance<Made>(
  runner: TestRunner,
  suite: readonly { readonly name: string; readonly run: (make: () => Promise<Made>) => Promise<void> }[],
  make: () => Promise<Made>,
): void {
  for (const { name, run } of suite) runner.test(name, () => run(make))
}
