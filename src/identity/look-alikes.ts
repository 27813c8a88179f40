/** Letters of Cyrillic and Greek that print as Latin ones do. Source: Unicode Technical Standard 39, confusables. */
const TWINS = 'аеморсухѕіјԁһӏԛԝАВЕКМНОРСТУХЅІЈοΑΒΕΖΗΙΚΜΝΟΡΤΥΧ'

const WORD = /[\p{L}\p{M}]+/gu
const LATIN = /\p{Script=Latin}/u
const OTHER = /[\p{Script=Cyrillic}\p{Script=Greek}]/u
const ONLY_TWINS = new RegExp(`^[${TWINS}]+$`, 'u')

/**
 * True where a word of a value mixes Latin letters with Cyrillic or Greek ones, or is made of such as look Latin: it may be
 * taken for another value by eye, and is none. A hint and no verdict, since `оса` is a word.
 */
export function looksAlike(value: string): boolean {
  if (/^[\0-\x7f]*$/.test(value)) return false
  return (value.normalize('NFC').match(WORD) ?? []).some(
    (word) => OTHER.test(word) && (LATIN.test(word) || ONLY_TWINS.test(word)),
  )
}
