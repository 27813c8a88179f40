import type { StoreCase } from './store-case.js'
import { ENDING } from './store-lifetime-cases.js'
import { READING } from './store-reading-cases.js'
import { ROLES } from './store-role-cases.js'
import { VALUES_AND_KEYS } from './store-value-cases.js'
import { WRITING } from './store-writing-cases.js'

/** What every store must pass: the contract, then what each role does with it. */
export const storeConformance: readonly StoreCase[] = [...READING, ...WRITING, ...VALUES_AND_KEYS, ...ENDING, ...ROLES]
