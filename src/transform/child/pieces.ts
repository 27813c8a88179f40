/** Bytes of one piece, about: its rows are gone again before the young generation is full. */
const PIECE_BYTES = 2 ** 15
const NAME_MAX = 200
const [OPEN, CLOSE] = [0x5b, 0x5d]

/**
 * The text of a JSON array of objects, as JSON arrays of which each holds some of them. It is cut where an object begins by the
 * name with which the first one does: that is a guess, and one that was wrong shows when the piece before it is read, since the
 * beginning of an array that ends inside of an element is no array, whatever ends it.
 */
export function piecesOf(json: Buffer): string[] {
  const name = json.indexOf('":')
  const pieces: string[] = []
  let from = 0
  if (json.indexOf('[{"') === 0 && name > 0 && name < NAME_MAX) {
    const begin = Buffer.concat([Buffer.from('},'), json.subarray(1, name + 2)])
    for (;;) {
      const found = json.indexOf(begin, from + PIECE_BYTES)
      if (found < 0) break
      const comma = found + 1
      json[comma] = CLOSE
      pieces.push(json.toString('utf8', from, comma + 1))
      json[comma] = OPEN
      from = comma
    }
  }
  pieces.push(json.toString('utf8', from))
  return pieces
}
