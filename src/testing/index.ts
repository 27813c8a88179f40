export { type DestinationCase, type DestinationSetup, destinationConformance } from './destination-conformance.js'
export type { StoreCase, StoreReopenCase, StoreReopenOptions } from './store-case.js'
export { storeConformance } from './store-conformance.js'
export { storeReopenConformance } from './store-lifetime-cases.js'
