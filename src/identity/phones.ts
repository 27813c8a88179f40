import { LakeloopError } from '../errors.js'
import type { PhoneNormalizer } from './rules.js'

export type { PhoneNormalizer } from './rules.js'

/** Options of {@link phones}. */
export interface PhoneOptions {
  /**
   * The country of numbers that are written without one, as two letters: `DE`. It has to be true of all of them. Without it
   * such numbers are refused: a country is never guessed.
   */
  readonly country?: string | undefined
}

/** Grows when the same number and options may give something else. */
const VERSION = 1

/** Longer than any number with what people write around it. */
const RAW_MAX = 100

/** A number that went through a float: its last zero would be taken for a digit. */
const FLOAT = /^\s*\+?\d+\.0*\s*$/

/**
 * Reads phone numbers as people write them, for `phoneNormalizer` of `IdentityResolver`: with spaces and brackets, with the
 * zero of the trunk beside the country (`+49 (0)170 …`), and national ones where a country is given.
 *
 * What it takes is valid by the numbering plan of its country, in full and not only by length; anything else is
 * `undefined`: text around a number, an extension (a desk is not a person's phone, and without it the number is everybody's),
 * short codes, national numbers without a country.
 *
 * Throws  PEER_MISSING without `libphonenumber-js`; OPTION_INVALID for a country that it does not know.
 * Cost    the plans of all countries are loaded once, about 50 ms.
 */
export async function phones(options: PhoneOptions = {}): Promise<PhoneNormalizer> {
  const { isSupportedCountry, parsePhoneNumberFromString } = await import('libphonenumber-js/max').catch(
    (error: unknown) => {
      throw new LakeloopError('PEER_MISSING', { package: 'libphonenumber-js' }, error)
    },
  )
  const { country } = options
  if (country !== undefined && !(typeof country === 'string' && isSupportedCountry(country))) {
    const problem = 'is no country of two capital letters that libphonenumber-js knows'
    throw new LakeloopError('OPTION_INVALID', { part: 'phones', option: 'country', problem })
  }
  const read = { extract: false, ...(country === undefined ? {} : { defaultCountry: country }) } as const
  const normalise = (raw: string): string | undefined => {
    // What an address book puts around a number to turn its direction, and the wide forms of East Asian keyboards.
    const text = raw.normalize('NFKC').replace(/\p{Cf}/gu, '')
    if (text.length > RAW_MAX || FLOAT.test(text)) return undefined
    const number = parsePhoneNumberFromString(text, read)
    return number?.ext === undefined && number?.isValid() ? number.number : undefined
  }
  return Object.assign(normalise, { version: `phones ${VERSION} ${country ?? ''}`.trim() })
}
