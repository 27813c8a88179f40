import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { LakeloopError } from '../errors.js'
import type { Json, JsonObject } from '../model/value.js'
import { checkText, jsonText } from './json-text.js'
import type { Entry, Key, Op, Range, Store, Table } from './store.js'

/** 32 bytes, as they are or as base64, or a function that gives them: asked once, at the first value that needs it. */
export type EncryptionKey = EncryptionKeyBytes | (() => EncryptionKeyBytes | Promise<EncryptionKeyBytes>)
type EncryptionKeyBytes = string | Uint8Array

export interface Encryption {
  /** Seals what is written from now on. */
  readonly key: EncryptionKey
  /** Keys of former times, at most 100: what they sealed can still be read. Default none. */
  readonly former?: readonly EncryptionKey[]
}

/** Tables whose values hold rows or actions whole. Their keys stay readable: they are what is looked up. */
export const SEALED_TABLES: ReadonlySet<Table> = new Set<Table>([
  'deadLetter',
  'parked',
  'parkedRow',
  'carried',
  'inbox',
])

const FORMER_MAX = 100
const KEY_BYTES = 32
/** Source: NIST SP 800-38D, 8.2: 96 bits; by 8.3 one key may seal 2^32 values under random ones. */
const NONCE_BYTES = 12
const TAG_BYTES = 16
const TEXT_OF_32_BYTES = /^[A-Za-z0-9+/_-]{43}=?$/

/** A sealed value as it is stored: nonce, tag and ciphertext, and by which key. */
interface SealedValue {
  readonly $sealed: string
  readonly data: string
}

/**
 * A store whose values in {@link SEALED_TABLES} are sealed (AES-256-GCM), bound to their table and key, so that none can be put
 * elsewhere. Values that were written before a key was given are read as they are, and sealed when they are written again.
 *
 * Shape   without keys nothing is sealed, and what is sealed cannot be read.
 * Throws  SEALED_KEY_MISSING, SEALED_VALUE_DAMAGED; CREDENTIALS_MISSING, OPTION_INVALID from a key that is given by a function;
 *         what the store beneath throws.
 */
export class SealedStore implements Store {
  readonly supports: Store['supports']
  readonly base: Store
  readonly #keys: Keys

  constructor(base: Store, keys: Keys) {
    this.supports = base.supports
    this.base = base
    this.#keys = keys
  }

  /** The same keys over another store. */
  over(base: Store): SealedStore {
    return new SealedStore(base, this.#keys)
  }

  async get(table: Table, keys: readonly Key[]): Promise<readonly (Json | undefined)[]> {
    const values = await this.base.get(table, keys)
    if (!SEALED_TABLES.has(table)) return values
    const opened: (Json | undefined)[] = []
    for (const [at, value] of values.entries()) opened.push(await this.#open(table, keys[at] as Key, value))
    return opened
  }

  async scan(table: Table, range: Range): Promise<readonly Entry[]> {
    const entries = await this.base.scan(table, range)
    if (!SEALED_TABLES.has(table)) return entries
    const opened: Entry[] = []
    for (const { key, value } of entries) opened.push({ key, value: (await this.#open(table, key, value)) as Json })
    return opened
  }

  async commit(ops: readonly Op[]): Promise<void> {
    const isOurs = ({ op, table }: Op): boolean => op !== 'delete' && SEALED_TABLES.has(table)
    if (!ops.some(isOurs)) return this.base.commit(ops)
    const sealed: Op[] = []
    for (const op of ops) sealed.push(isOurs(op) ? await this.#sealedOp(op) : op)
    return this.base.commit(sealed)
  }

  async close(): Promise<void> {
    await this.base.close()
  }

  async #sealedOp(op: Op): Promise<Op> {
    if (op.op === 'put') return { ...op, value: await this.#keys.seal(nameOf(op.table, op.key), op.value) }
    if (op.op === 'delete' || op.is === undefined) return op
    // No value is ever sealed to the same text twice: what stands there is opened, and then must stand as it is.
    const [stands] = await this.base.get(op.table, [op.key])
    if (checkText(await this.#open(op.table, op.key, stands)) !== checkText(op.is)) {
      throw new LakeloopError('STORE_CONFLICT', { table: op.table })
    }
    return { ...op, is: stands }
  }

  async #open(table: Table, key: Key, value: Json | undefined): Promise<Json | undefined> {
    return isSealed(value) ? await this.#keys.open(table, nameOf(table, key), value) : value
  }
}

/** The store in which a store keeps its entries: what tells whether two are one. */
export const baseOf = (store: Store): Store => (store instanceof SealedStore ? store.base : store)

const nameOf = (table: Table, key: Key): Buffer => Buffer.from(JSON.stringify([table, ...key]))

const isSealed = (value: Json | undefined): value is SealedValue & JsonObject =>
  typeof value === 'object' && value !== null && typeof (value as JsonObject).$sealed === 'string'

/** The keys of a sync; none of them can be shown (I7). */
export class Keys {
  readonly #key: SealKey | undefined
  readonly #all: readonly SealKey[]

  /** Throws CREDENTIALS_MISSING, OPTION_INVALID that names the option. */
  constructor(encryption?: Encryption) {
    const { key, former = [] } = encryption ?? {}
    if (!Array.isArray(former) || former.length > FORMER_MAX) {
      throw invalid('encryption.former', `is no array of at most ${FORMER_MAX} keys`)
    }
    this.#key = encryption === undefined ? undefined : new SealKey(key, 'encryption.key')
    const others = former.map((one: EncryptionKey, at: number) => new SealKey(one, `encryption.former.${at}`))
    this.#all = this.#key === undefined ? [] : [this.#key, ...others]
  }

  async seal(name: Buffer, value: Json): Promise<Json> {
    if (this.#key === undefined) return value
    const { id, bytes } = await this.#key.reveal()
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', bytes, nonce).setAAD(name)
    const text = [cipher.update(jsonText(value), 'utf8'), cipher.final()]
    return { $sealed: id, data: Buffer.concat([nonce, cipher.getAuthTag(), ...text]).toString('base64') }
  }

  async open(table: Table, name: Buffer, { $sealed: by, data }: SealedValue): Promise<Json> {
    for (const key of this.#all) {
      const { id, bytes } = await key.reveal()
      if (id !== by) continue
      try {
        const whole = Buffer.from(data, 'base64')
        const tag = whole.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)
        const options = { authTagLength: TAG_BYTES }
        const decipher = createDecipheriv('aes-256-gcm', bytes, whole.subarray(0, NONCE_BYTES), options)
        decipher.setAAD(name).setAuthTag(tag)
        const text = [decipher.update(whole.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]
        return JSON.parse(Buffer.concat(text).toString('utf8')) as Json
      } catch (error) {
        throw new LakeloopError('SEALED_VALUE_DAMAGED', { table }, error)
      }
    }
    throw new LakeloopError('SEALED_KEY_MISSING', { table })
  }
}

interface Revealed {
  /** Names the key in what it sealed, and tells nothing of it. */
  readonly id: string
  readonly bytes: Uint8Array
}

class SealKey {
  readonly #source: EncryptionKey
  readonly #option: string
  #revealed: Revealed | undefined

  constructor(source: EncryptionKey | undefined, option: string) {
    this.#option = option
    if (source === undefined || source === null || source === '') this.#missing()
    this.#source = source
    if (typeof source !== 'function') this.#revealed = this.#checked(source)
  }

  async reveal(): Promise<Revealed> {
    this.#revealed ??= this.#checked(await this.#ask())
    return this.#revealed
  }

  [inspect.custom](): string {
    return '[redacted]'
  }

  async #ask(): Promise<unknown> {
    try {
      return typeof this.#source === 'function' ? await this.#source() : this.#source
    } catch (cause) {
      return this.#missing(cause)
    }
  }

  #checked(given: unknown): Revealed {
    if (given === undefined || given === null || given === '') this.#missing()
    const isText = typeof given === 'string' && TEXT_OF_32_BYTES.test(given)
    // A copy: the host may wipe what it gave.
    const bytes = isText ? Buffer.from(given, 'base64') : given instanceof Uint8Array ? Uint8Array.from(given) : given
    if (!(bytes instanceof Uint8Array) || bytes.length !== KEY_BYTES) {
      throw invalid(this.#option, `is not ${KEY_BYTES} bytes, nor the base64 text of so many`)
    }
    const id = createHmac('sha256', bytes).update('lakeloop: id of a key').digest('base64url').slice(0, 11)
    return { id, bytes }
  }

  #missing(cause?: unknown): never {
    throw new LakeloopError('CREDENTIALS_MISSING', { part: 'Sync', option: this.#option }, cause)
  }
}

const invalid = (option: string, problem: string): LakeloopError =>
  new LakeloopError('OPTION_INVALID', { part: 'Sync', option, problem })
