// The transform of the demo, mended after churn_risk_score became churn_probability in the warehouse. It runs in the sandbox, once per row, and reaches nothing else.
// A row goes in, actions come out: what should be true of this customer in Iterable.

export default (row) => {
  const identifiers = { customer_id: row.user_id } // the model knows no email: identity finds it
  return [
    {
      kind: 'profile',
      identifiers,
      dataFields: {
        churn_risk_score: row.churn_probability,
        account_tier: row.account_tier,
        churn_reasons: row.reasons,
        last_active_date: row.last_active_date,
      },
    },
    { kind: 'membership', list: 'churn-retention', identifiers, member: row.churn_probability > 0.7 },
  ]
}
