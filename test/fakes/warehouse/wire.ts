import { createRequire } from 'node:module'

/** The driver's own protocol, from the driver's own package: what it sends and what it takes. */

// biome-ignore lint/suspicious/noExplicitAny: modules of the driver that are no dependency of ours
type Untyped = any

const require = createRequire(import.meta.url)
const driver: Untyped = require('@databricks/sql').thrift
/** Packages that the driver brings along. */
const fromDriver = createRequire(require.resolve('@databricks/sql'))
const thrift: Untyped = fromDriver('thrift')
const Int64: new (value: number) => object = fromDriver('node-int64')

export const types: Untyped = driver.TCLIService_types
export const int64 = (value: number): object => new Int64(value)

/** A handler of one call each, by the call's name. */
export type Handler = Readonly<Record<string, (request: Untyped) => Promise<object>>>

/** The name of the call that a body holds. */
export function callOf(body: Buffer): string {
  let name = ''
  thrift.TBufferedTransport.receiver((transport: Untyped) => {
    name = new thrift.TBinaryProtocol(transport).readMessageBegin().fname
  }, 0)(body)
  return name
}

/** Runs the call in `body`. An error that the handler throws is answered as Thrift's own exception. */
export function answered(body: Buffer, handler: Handler): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const out = new thrift.TBufferedTransport(undefined, (bytes: Buffer) => resolve(bytes))
    const receive = thrift.TBufferedTransport.receiver((transport: Untyped) => {
      const processor = new driver.TCLIService.Processor(handler)
      processor.process(new thrift.TBinaryProtocol(transport), new thrift.TBinaryProtocol(out))
    }, 0)
    try {
      receive(body)
    } catch (error) {
      reject(error)
    }
  })
}
