/** A bug, planted by one replacement of text, and the tests of which one at least has to fail for it. */
export interface Mutation {
  readonly name: string
  /** Below src/. */
  readonly file: string
  /** Stands in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** Files below test/. */
  readonly tests: readonly string[]
}

const SIMULATION = 'laws/run-simulation.test.ts'

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'the cursor moves when a page is read',
    file: 'sync/window.ts',
    find: '    this.#pages.push(page)\n',
    replace: '    this.#pages.push(page)\n    this.amend({ cursor: page.page.cursor })\n',
    tests: [SIMULATION],
  },
  {
    name: 'the cursor moves past a page that waits for an answer',
    file: 'sync/window.ts',
    find: 'page !== undefined && page.waiting === 0;',
    replace: 'page !== undefined;',
    tests: [SIMULATION],
  },
  {
    name: 'the cursor is remembered before what is kept with it',
    file: 'sync/window.ts',
    find: "    FAILPOINT: hit('before-cursor')\n",
    replace: '    this.amend({ cursor })\n',
    tests: ['sync/run.test.ts'],
  },
  {
    name: 'a fingerprint is written before the answer',
    file: 'sync/pages.ts',
    find: '    await flight.over(() => sender.send(pendingBlock(gathered, source.name), by))\n',
    replace:
      '    const early = gathered.flatMap(({ write }) => (write === undefined ? [] : this.#context.memory.accepted(write)))\n' +
      '    await this.#context.commits.commit({ main: early })\n' +
      '    await flight.over(() => sender.send(pendingBlock(gathered, source.name), by))\n',
    tests: [SIMULATION],
  },
  {
    name: 'what is about to be replaced is not written down before',
    file: 'sync/under-way.ts',
    find: '  await write()\n  const over =',
    replace: '  const over =',
    tests: ['sync/under-way.test.ts'],
  },
  {
    name: 'what a run has died over counts as it was before',
    file: 'sync/address-memory.ts',
    find: ' || this.#underWay.isUnsure(address)',
    replace: '',
    tests: ['sync/under-way.test.ts'],
  },
  {
    name: 'what was rejected is remembered as accepted',
    file: 'sync/window.ts',
    find: "if (outcome.status !== 'accepted' && outcome.status !== 'unchanged') continue",
    replace: "if (outcome.status === 'parked') continue",
    tests: ['sync/run.test.ts', SIMULATION],
  },
  {
    name: 'the error of a dead letter that cannot be kept is swallowed',
    file: 'sync/window.ts',
    find: '        ...page.kept,\n',
    replace: '        ...(await commits.commit({ main: page.kept }).then((): Op[] => [], (): Op[] => [])),\n',
    tests: ['faults/store-faults.test.ts'],
  },
  {
    name: 'a 400 is asked again',
    file: 'sync/retry.ts',
    find: "error.remedy !== 'retry') throw error",
    replace: "error.remedy === 'halt') throw error",
    tests: ['sync/dispatch.test.ts'],
  },
  {
    name: 'the window has no bound',
    file: 'sync/pages.ts',
    find: 'while (this.#window.length >= PAGES_MAX && this.#flying.size > 0)',
    replace: 'while (this.#window.length < 0)',
    tests: ['faults/window-bound.test.ts'],
  },
  {
    name: 'requests of one address do not wait for each other',
    file: 'sync/dispatch.ts',
    find: '      await Promise.all(before)\n',
    replace: '',
    tests: ['sync/dispatch.test.ts'],
  },
  {
    name: 'a purchase goes out without an intent',
    file: 'sync/dispatch.ts',
    find: 'if (intent && anew.length > 0) await onIntent?.(anew)',
    replace: 'if (intent && anew.length < 0) await onIntent?.(anew)',
    tests: ['sync/intents.test.ts'],
  },
  {
    name: 'nobody is told that a request may have arrived',
    file: 'sync/dispatch.ts',
    find: '      wasAgain = again\n',
    replace: '',
    tests: ['sync/intents.test.ts'],
  },
  {
    name: 'parts of a request that may have arrived count as new',
    file: 'sync/dispatch.ts',
    find: 'await this.#settle(part, by, nth === 0 ? took.attempts : 0, answered.maybe)',
    replace: 'await this.#settle(part, by, nth === 0 ? took.attempts : 0)',
    tests: ['sync/intents.test.ts'],
  },
  {
    name: 'a later purchase of a row takes the place of one that may have arrived',
    file: 'sync/intents.ts',
    find: '[...held.prints, print].slice',
    replace: '[print].slice',
    tests: ['sync/intents.test.ts'],
  },
  {
    name: 'a place on a list is asked for without an intent',
    file: 'delta/list-chunk.ts',
    find: "      await remember(addresses.map(() => 'unknown'))\n",
    replace: '',
    tests: [SIMULATION],
  },
  {
    name: 'the guard of a list is ignored',
    file: 'delta/guard.ts',
    find: 'if (remove > limit) return {',
    replace: 'if (remove < 0) return {',
    tests: ['sync/run.test.ts'],
  },
  {
    name: 'a commit goes out without the fence of the lease',
    file: 'sync/lease.ts',
    find: 'await this.#store.commit([...this.fence, ...ops])',
    replace: 'await this.#store.commit([...ops])',
    tests: ['sync/lease.test.ts'],
  },
  {
    name: 'a lease is taken although another process holds it',
    file: 'sync/lease.ts',
    find: 'if (before !== undefined && afterMs > 0 && !isGone(before)) {',
    replace: 'if (before === undefined && afterMs > 0) {',
    tests: ['sync/lease.test.ts'],
  },
  {
    name: 'an unclear answer counts as success',
    file: 'sync/dispatch.ts',
    find: 'const outcomes = await delivery.apply(request, signal, wasAgain)',
    replace:
      "const outcomes = await delivery.apply(request, signal, wasAgain).catch((error: unknown) => {\n        if (!isLakeloopError(error, 'DESTINATION_ANSWER_UNCLEAR')) throw error\n        return request.actions.map((): Outcome => ({ status: 'accepted' }))\n      })",
    tests: ['sync/dispatch.test.ts'],
  },
  {
    name: 'who is absent leaves although a row could be anybody’s',
    file: 'sync/run.ts',
    find: 'const complete = whole && window.tied',
    replace: 'const complete = whole',
    tests: ['sync/promises.test.ts'],
  },
  {
    name: 'changes are read as if they were the whole audience',
    file: 'sync/pages.ts',
    find: "this.snapshot = page.mode === 'snapshot' && (pages === 1 || this.snapshot)",
    replace: 'this.snapshot = pages > 0',
    tests: ['sync/run.test.ts'],
  },
  {
    name: 'who was rejected or parked counts as absent',
    file: 'sync/window.ts',
    find: 'if (claimant !== undefined) for (const list of this.#knownLists) wishes.push({ row, wish: { list, claimant } })',
    replace: '',
    tests: ['sync/run.test.ts', SIMULATION],
  },
  {
    name: 'a place on a list that was parked overrules a later row of the run',
    file: 'sync/window.ts',
    find: '        page.taken.push({ key: from.key, row })\n',
    replace: '',
    tests: ['sync/run.test.ts'],
  },
  {
    name: 'a dead letter of the same run outlives a newer version of its row',
    file: 'sync/window.ts',
    find: '        ...this.#recent.finish(page),\n',
    replace: '',
    tests: [SIMULATION],
  },
  {
    name: 'a dead letter of a former run outlives a newer version of its row',
    file: 'sync/pages.ts',
    find: ', ...(await outdatedLetters(work, made.rows, this.#context))',
    replace: '',
    tests: [SIMULATION],
  },
  {
    name: 'an older version of a row ends the dead letter of a newer one',
    file: 'sync/recent-letters.ts',
    find: 'if (orders.length === 0 || orders.some((order) => !isAfter(page.rowOrder(row), order))) continue',
    replace: 'if (orders.length === 0) continue',
    tests: [SIMULATION],
  },
  {
    name: 'a parked write overwrites a newer one',
    file: 'sync/said.ts',
    find: 'if (newer.length === 0) return parts',
    replace: 'if (newer.length >= 0) return parts',
    tests: ['sync/overtaken.test.ts', 'sync/newer-wins.test.ts'],
  },
  {
    name: 'the budget of retries is ignored',
    file: 'sync/retry.ts',
    find: '    if (this.#tokens < cost) return false\n',
    replace: '',
    tests: ['sync/promises.test.ts'],
  },
  {
    name: 'Retry-After has no cap',
    file: 'sync/retry.ts',
    find: 'Math.max(own, Math.min(told, 60_000))',
    replace: 'Math.max(own, told)',
    tests: ['sync/promises.test.ts', 'sync/dispatch.test.ts'],
  },
  {
    name: 'looking for bad rows may cost anything',
    file: 'sync/dispatch.ts',
    find: 'if (this.#splits > splitsMax) {',
    replace: 'if (this.#splits < 0) {',
    tests: ['sync/dispatch.test.ts'],
  },
  {
    name: 'a destination that loses count is believed',
    file: 'sync/dispatch.ts',
    find: 'if (outcomes.length !== request.actions.length) {',
    replace: 'if (outcomes.length < 0) {',
    tests: ['faults/run-faults.test.ts'],
  },
  {
    name: 'the circuit never opens',
    file: 'sync/circuit.ts',
    find: 'if (seen.length < CIRCUIT_ROWS_MIN || rejected / seen.length <= this.#share) return',
    replace: 'if (rejected / seen.length <= 1) return',
    tests: ['sync/run.test.ts'],
  },
  {
    name: 'a row is finished and not counted',
    file: 'sync/window.ts',
    find: '      tally.row(status, reason)\n',
    replace: "      if (status !== 'rejected') tally.row(status, reason)\n",
    tests: ['sync/run.test.ts'],
  },
  {
    name: 'what a listener rejects with reaches the process',
    file: 'sync/events.ts',
    find: 'if (answer instanceof Promise) answer.catch(',
    replace: 'if (answer instanceof Array) (answer as unknown as Promise<unknown>).catch(',
    tests: ['faults/run-faults.test.ts'],
  },
  {
    name: 'a run whose report is lost is called complete',
    file: 'sync/upkeep.ts',
    find: 'if (report.error !== undefined || !isLakeloopError(error)) return report',
    replace: 'if (report.error === undefined || !isLakeloopError(error)) return report',
    tests: ['sync/promises.test.ts'],
  },
  {
    name: 'an address is written to before its person has moved there',
    file: 'sync/pages.ts',
    find: '      await this.#retarget()\n',
    replace: '',
    tests: ['sync/promises.test.ts'],
  },
  {
    name: 'who was deleted is put on a list again by a row that was read before',
    file: 'sync/window.ts',
    find: 'wish.member === true && this.#gone.overtakes(',
    replace: 'wish.member === undefined && this.#gone.overtakes(',
    tests: ['sync/leaving-order.test.ts'],
  },
  {
    name: 'who is written to in the run of their deletion counts as gone',
    file: 'sync/window.ts',
    find: 'leaving, this.#gone.backIn(part))',
    replace: 'leaving)',
    tests: ['sync/leaving-order.test.ts'],
  },
  {
    name: 'who is back counts as gone until the page is finished',
    file: 'sync/addressing.ts',
    find: '      left.set(address, { ...departed, gone: false })\n',
    replace: '',
    tests: ['sync/leaving-order.test.ts'],
  },
  {
    name: 'a person is looked up although a binding is awaited',
    file: 'sync/pages.ts',
    find: 'if (who.some((one) => this.#awaited.concern(one))) {',
    replace: 'if (who.length < 0) {',
    tests: ['sync/binding-order.test.ts'],
  },
]
