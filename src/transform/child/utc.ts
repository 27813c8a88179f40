/** Stands before SES, which keeps the `Date` that it finds. */
import { utcDate } from './utc-date.js'

globalThis.Date = utcDate(Date)
