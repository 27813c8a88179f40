// The transform of the service: one score in, one profile and one wish for a list out. It runs in the sandbox.

export default (row) => {
  const identifiers = { email: row.email }
  return [
    { kind: 'profile', identifiers, dataFields: { churn_risk_score: row.churn_risk_score } },
    { kind: 'membership', list: 'at-risk', identifiers, member: row.churn_risk_score > 0.7 },
  ]
}
