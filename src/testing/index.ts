export { conformance, type TestRunner } from './declare.js'
export type { DestinationCase, DestinationSetup } from './destination-case.js'
export { destinationConformance } from './destination-conformance.js'
export { FakeIterable } from './fake-iterable/fake-iterable.js'
export { FAULTS, type Fault, type FaultKind, type Faults } from './fake-iterable/faults.js'
export type {
  FakeEvent,
  FakeHappening,
  FakeList,
  FakePurchase,
  FakeUser,
  Ledger,
  LedgerEntry,
} from './fake-iterable/ledger.js'
export type { FakeIterableOptions } from './fake-iterable/options.js'
export type { FakeAnswer, FakeRequest } from './fake-iterable/wire/answer.js'
export { type SourceCase, type SourceSetup, sourceConformance } from './source-conformance.js'
export type { StoreCase, StoreReopenCase, StoreReopenOptions } from './store-case.js'
export { storeConformance } from './store-conformance.js'
export { storeReopenConformance } from './store-lifetime-cases.js'
