// The transform of the migration: one customer of the old system in, one profile out. It runs in the sandbox.

export default (row) => ({
  kind: 'profile',
  identifiers: { customer_id: row.id, ...(row.email ? { email: row.email } : {}) },
  dataFields: { firstName: row.first_name, plan: row.plan, signedUpOn: row.signed_up_on, orders: row.orders },
})
