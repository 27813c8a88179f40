// A model output that data scientists would recognise: a logistic churn score over the Telco customers, with its parts.

import { type Account, accounts } from './accounts.js'
import { h } from './recipe.js'

/** One row of `analytics.user_churn_scores`. */
export interface Score {
  readonly user_id: string
  /** The model does not know it. */
  readonly email: null
  readonly churn_risk_score: number
  readonly account_tier: 'enterprise' | 'growth' | 'starter'
  /** The terms of the score by name. */
  readonly feature_importance: Readonly<Record<string, number>>
  /** The three largest positive terms, largest first. */
  readonly reasons: readonly string[]
  readonly category_encoding: Readonly<Record<string, number>>
  readonly monthly_charges: string
  readonly total_charges: string | null
  readonly last_active_date: string
  readonly updated_at: string
}

type Scored = Pick<Account, 'contract' | 'tenureMonths'> & Account

const CONTRACTS = ['Month-to-month', 'One year', 'Two year']
const INTERNET = ['DSL', 'Fiber optic', 'No']
const PAYMENTS = ['Bank transfer (automatic)', 'Credit card (automatic)', 'Electronic check', 'Mailed check']
const WEEK: Readonly<Record<1 | 2, string>> = { 1: '2026-11-01 06:00:00', 2: '2026-11-08 06:00:00' }
const DAY_MS = 86_400_000

/** The terms of z, constant included, in the order of the published table. */
function terms(account: Scored): Record<string, number> {
  return {
    constant: -0.55,
    contract: account.contract === 'Month-to-month' ? 1.2 : account.contract === 'Two year' ? -0.9 : 0,
    tenure: -0.033 * account.tenureMonths,
    internet: account.internetService === 'Fiber optic' ? 0.85 : account.internetService === 'No' ? -0.7 : 0,
    payment: account.paymentMethod === 'Electronic check' ? 0.35 : 0,
    paperless: account.paperlessBilling ? 0.3 : 0,
    online_security: account.onlineSecurity ? -0.4 : 0,
    tech_support: account.techSupport ? -0.35 : 0,
  }
}

function score(account: Scored, week: 1 | 2): Score {
  const parts = terms(account)
  const z = Object.values(parts).reduce((sum, term) => sum + term, 0)
  const charges = Number(account.monthlyCharges)
  const reasons = Object.entries(parts)
    .filter(([, term]) => term > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
  const active = Date.UTC(2026, 9, 31) - Math.floor(60 * h('active', account.id)) * DAY_MS
  return {
    user_id: account.id,
    email: null,
    churn_risk_score: Math.round(1e6 / (1 + Math.exp(-z))) / 1e6,
    account_tier: charges >= 90 ? 'enterprise' : charges >= 50 ? 'growth' : 'starter',
    feature_importance: parts,
    reasons: reasons.map(([name]) => name),
    category_encoding: {
      Contract: CONTRACTS.indexOf(account.contract),
      InternetService: INTERNET.indexOf(account.internetService),
      PaymentMethod: PAYMENTS.indexOf(account.paymentMethod),
    },
    monthly_charges: account.monthlyCharges,
    total_charges: account.totalCharges,
    last_active_date: new Date(active).toISOString().slice(0, 10),
    updated_at: WEEK[week],
  }
}

/** All rows after the first model run, or after the second: some came back on a new contract, others are scored again. */
export function scores(run: 1 | 2): readonly Score[] {
  return accounts().map((account) => {
    if (run === 1) return score(account, 1)
    if (h('back', account.id) < 0.02) return score({ ...account, tenureMonths: 1, contract: 'Month-to-month' }, 2)
    if (h('rescore', account.id) < 0.2) return score({ ...account, tenureMonths: account.tenureMonths + 1 }, 2)
    return score(account, 1)
  })
}
