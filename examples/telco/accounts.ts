// The customers of the Telco table, typed. Origin and licence: examples/data/README.md.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const FILE = join(import.meta.dirname, '../data/telco-customer-churn.csv.gz')
const SHA256 = '16320c9c1ec72448db59aa0a26a0b95401046bef5d02fd3aeb906448e3055e91'

/** One line of the table, with the columns that the demo uses. */
export interface Account {
  /** Upper case is significant. */
  readonly id: string
  readonly partner: boolean
  readonly phoneService: boolean
  readonly paperlessBilling: boolean
  readonly churned: boolean
  readonly tenureMonths: number
  readonly contract: string
  readonly internetService: string
  readonly paymentMethod: string
  readonly onlineSecurity: boolean
  readonly techSupport: boolean
  /** As the file has it: two digits or fewer. */
  readonly monthlyCharges: string
  /** NULL for the 11 customers of no month yet, whose cell holds one space. */
  readonly totalCharges: string | null
}

let loaded: readonly Account[] | undefined

/** All 7,043, in byte order of their ids. */
export function accounts(): readonly Account[] {
  loaded ??= load()
  return loaded
}

function load(): readonly Account[] {
  const csv = gunzipSync(readFileSync(FILE))
  if (createHash('sha256').update(csv).digest('hex') !== SHA256) throw new Error(`${FILE} is not the file it was`)
  const [header = '', ...lines] = csv.toString('utf8').trimEnd().split('\n')
  const names = header.split(',')
  return lines.map((line) => account(names, line.split(','))).sort((a, b) => (a.id < b.id ? -1 : 1)) // ids are ASCII
}

function account(names: readonly string[], cells: readonly string[]): Account {
  const cell = (name: string): string => cells[names.indexOf(name)] ?? ''
  const yes = (name: string): boolean => cell(name) === 'Yes'
  return {
    id: cell('customerID'),
    partner: yes('Partner'),
    phoneService: yes('PhoneService'),
    paperlessBilling: yes('PaperlessBilling'),
    churned: yes('Churn'),
    tenureMonths: Number(cell('tenure')),
    contract: cell('Contract'),
    internetService: cell('InternetService'),
    paymentMethod: cell('PaymentMethod'),
    onlineSecurity: yes('OnlineSecurity'),
    techSupport: yes('TechSupport'),
    monthlyCharges: cell('MonthlyCharges'),
    totalCharges: cell('TotalCharges').trim() === '' ? null : cell('TotalCharges'),
  }
}
