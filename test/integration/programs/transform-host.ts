import diagnostics from 'node:diagnostics_channel'
import { rowBlock } from '../../../src/model/row.js'
import { Transform } from '../../../src/transform/transform.js'

/**
 * A host with a transform, for tests of what is left behind. Prints the process id of the sandbox, then:
 * `idle`: has run a row and closes nothing; must end by itself. `looping`: is in the middle of a row that never ends.
 */
let sandbox: { readonly pid?: number } = {}
diagnostics.subscribe('child_process', (message) => {
  sandbox = (message as { process: { pid?: number } }).process
})

const mode = process.argv[2]
const transform = Transform.fromText(
  'export default (row) => { if (row.loop) for (;;); return { email: row.email } }',
  {
    timeoutMs: 1_000,
  },
)
await transform.run({ rows: rowBlock([{ email: 'a' }]) })
console.log(`sandbox ${sandbox.pid}`)
if (mode === 'looping') await transform.run({ rows: rowBlock([{ loop: true }]) })
