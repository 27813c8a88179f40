import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What the fake serves TLS with: a certificate that vouches for itself, for localhost, 127.0.0.1 and the reserved name
 * warehouse.example, until 2120. It opens nothing but this fake. Committed, since making one takes a package or a program
 * that a machine may not have, and `customCaCert` is to be tried with a file like that of a company.
 */
const pem = readFileSync(join(import.meta.dirname, 'localhost.pem'), 'utf8')

const part = (name: string): string =>
  new RegExp(`-----BEGIN ${name}-----[\\s\\S]+?-----END ${name}-----\\n`).exec(pem)?.[0] as string

export const CERTIFICATE = part('CERTIFICATE')
export const KEY = part('PRIVATE KEY')
