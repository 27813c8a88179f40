import { setTimeout as sleep } from 'node:timers/promises'
import { rowBlock } from '../../../src/model/row.js'
import { Transform } from '../../../src/transform/transform.js'
import { Watch } from '../sandboxes.js'

/**
 * A host with a transform, for tests of what is left behind. Prints the process ids of its sandboxes, then:
 * `idle`, `thread`: has run a row and closes nothing; must end by itself. `spare`: so too, after a row that took all memory.
 * `looping`, `spare-looping`: is in the middle of a row that never ends.
 */
const watch = new Watch()
const mode = process.argv[2]
const transform = Transform.fromText(
  `export default (row) => {
    if (row.loop) for (;;);
    if (row.memory) { const all = []; for (;;) all.push(new Array(1000).fill(all.length)) }
    return { email: row.email }
  }`,
  {
    timeoutMs: mode === 'spare' ? 20_000 : 1_000,
    isolation: mode === 'thread' ? 'thread' : 'process',
    spare: mode?.startsWith('spare'),
  },
)
const tell = (): void => console.log(`sandboxes ${watch.alive().join(' ')}`)
const endless = { rows: rowBlock([{ loop: true }]) }

await transform.run({ rows: rowBlock([{ email: 'a' }]) })
if (mode === 'spare') {
  await transform.run({ rows: rowBlock([{ memory: true }]) })
  await transform.run({ rows: rowBlock([{ email: 'a' }]) })
}
if (mode !== 'spare-looping') tell()
if (mode === 'looping') await transform.run(endless)
if (mode === 'spare-looping') {
  const looping = transform.run(endless)
  while (watch.alive().length < 2) await sleep(20)
  tell()
  await looping
}
