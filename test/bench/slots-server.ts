/** A fake Iterable with the published rates whose answers take the given milliseconds, in a process of its own. Prints its URL. */
import { FakeIterable } from '../../src/testing/fake-iterable/fake-iterable.js'

const fake = new FakeIterable({ projectType: 'email', rates: 'published', latencyMs: Number(process.argv[2]) })
const { url } = await fake.listen()
process.stdout.write(`${url}\n`)
