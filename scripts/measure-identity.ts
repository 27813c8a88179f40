/** `npm run identity:measure`: precision and recall on books whose people are known, as docs/identity-measured.md has them. */
import { BOOKS, measure, rowOf } from '../test/identity/known-truth.js'

for (const book of BOOKS) {
  if (book.isHere) console.log(rowOf(book, await measure(book)))
  else
    console.log(
      `| \`${book.set}\` | ${book.rules} | not here: LAKELOOP_DATA names the folder that holds identity/${book.set} |`,
    )
}
