import { plainTransform } from '../sync/plain-transform.js'

/** Of a row with id, email and score: the person's profile. */
export const scoredProfiles = plainTransform(
  ({ id, email, score }) => [
    {
      kind: 'profile',
      identifiers: { customer_id: String(id), email: String(email) },
      dataFields: { score: score ?? null },
    },
  ],
  ['id', 'email', 'score'],
)
