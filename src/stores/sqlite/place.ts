import { createRequire } from 'node:module'

/**
 * Where the package libsql stands, or `undefined`: seen from this file, else from the program that Node was started
 * with, since a bundler may leave here the name of a file that is gone. A thread has no place of its own to look from.
 */
export function libsqlPlace(): string | undefined {
  // In CommonJS there is no `import.meta`, in ESM no `__filename`.
  for (const from of [typeof __filename === 'string' ? __filename : import.meta.url, process.argv[1]]) {
    try {
      if (from !== undefined) return createRequire(from).resolve('libsql')
    } catch {
      // It does not stand there.
    }
  }
  return undefined
}
