import * as z from 'zod'
import type { SecretSource } from '../../transport/secret.js'

/** What a function of the host's may give: a token, and until when it is good where the host knows. A number is in ms since 1970. */
export type GivenToken = string | { readonly token: string; readonly expiresAt?: Date | number | undefined }

/** A personal access token, or a function that gives a token and is asked again before its end and when it was refused. */
export interface TokenAuth {
  readonly token: string | (() => GivenToken | Promise<GivenToken>)
}

/** A service principal (OAuth, machine to machine). */
export interface PrincipalAuth {
  /** Its application id. */
  readonly clientId: string
  readonly clientSecret: SecretSource
  /** Where the secret was made: in Databricks (default; AWS, Azure and Google Cloud), or in Microsoft Entra ID. */
  readonly issuer?: 'databricks' | 'entra' | undefined
  /** Of Entra ID: the directory, by id or domain. */
  readonly tenantId?: string | undefined
}

/** How lakeloop signs in to Databricks: one token for SQL, Unity Catalog and files. */
export type DatabricksAuth = TokenAuth | PrincipalAuth

export const isPrincipal = (auth: DatabricksAuth): auth is PrincipalAuth =>
  'clientId' in auth && auth.clientId !== undefined

const secret = z.custom(
  (value) => typeof value === 'string' || typeof value === 'function',
  'must be a string or a function',
)

interface Given {
  readonly token?: unknown
  readonly clientId?: unknown
  readonly clientSecret?: unknown
  readonly issuer?: string | undefined
  readonly tenantId?: string | undefined
}

/** What does not fit together in `auth`: the option and the problem. */
function misfit({ token, clientId, clientSecret, issuer, tenantId }: Given): readonly [string, string] | undefined {
  const principal = clientId !== undefined || clientSecret !== undefined
  if (token !== undefined) {
    if (principal) return ['token', 'and clientId exclude each other']
    if (issuer !== undefined) return ['issuer', 'belongs to a clientId']
    return tenantId === undefined ? undefined : ['tenantId', 'belongs to a clientId']
  }
  if (!principal) return ['token', 'or clientId with clientSecret is to be given']
  if (clientId === undefined) return ['clientId', 'is missing']
  if (clientSecret === undefined) return ['clientSecret', 'is missing']
  if (issuer === 'entra' && tenantId === undefined) return ['tenantId', "is needed with issuer: 'entra'"]
  if (issuer !== 'entra' && tenantId !== undefined) return ['tenantId', "belongs to issuer: 'entra'"]
  return undefined
}

/** The option `auth`; strict, and every problem names the option below it. */
export const AUTH = z
  .strictObject({
    token: secret.optional(),
    clientId: z
      .string()
      .regex(/^[\w.-]{1,200}$/, 'is no application id')
      .optional(),
    clientSecret: secret.optional(),
    issuer: z.enum(['databricks', 'entra']).optional(),
    tenantId: z
      .string()
      .regex(/^[A-Za-z0-9.-]{1,200}$/, 'is no directory id and no domain')
      .optional(),
  })
  .superRefine((auth, context) => {
    const [option, message] = misfit(auth) ?? []
    if (option !== undefined) context.addIssue({ code: 'custom', path: [option], message: message as string })
  })
